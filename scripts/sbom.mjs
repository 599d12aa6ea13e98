/**
 * The bill of materials of what ships, as CycloneDX 1.6: core, server and command with every package that comes with them,
 * by version, licence and hash. The same sources give the same bytes: no time and no serial number is in it.
 *
 *     node scripts/sbom.mjs [--out FILE]
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Contrib, Enums, Models, Serialize, SPDX, Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { nameAndVersion, readJson, readYaml, root, shippedPackages } from './lockfile.mjs';

const shipped = ['packages/core', 'packages/server', 'packages/cli'];
const applications = ['packages/server', 'packages/cli'];
const licences = new Contrib.License.Factories.LicenseFactory(assertExpression);

/** Known licences between AND and OR, such as `(MIT OR CC0-1.0)`. */
function assertExpression(text) {
  const words = text.split(/[()\s]+/).filter((word) => word !== '');
  if (words.length < 3 || !words.every((word, index) => (index % 2 === 0 ? SPDX.isSupportedSpdxId(word) : /^(AND|OR)$/.test(word))))
    throw new RangeError('no expression');
}

function purlOf({ name, version }) {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

/** `sha512-` and base64, as npm has it, in hex. */
function hashesOf(integrity) {
  const [, base64] = /^sha512-(\S+)$/.exec(integrity ?? '') ?? [];
  if (base64 === undefined) throw new Error('pnpm-lock.yaml names a package without its SHA-512');
  return new Models.HashDictionary([[Enums.HashAlgorithm['SHA-512'], Buffer.from(base64, 'base64').toString('hex')]]);
}

/** @param place as `shippedPackages` has it. */
function componentOf(lock, { folder, key, path, isOptional }) {
  if (path === null) throw new Error(`${key} is not installed: its licence can not be read`);
  const described = readJson(join(path, 'package.json'));
  const { name, version } = folder === undefined ? nameAndVersion(key) : described;
  const [group, short] = name.startsWith('@') ? name.split('/') : [undefined, name];
  const type = applications.includes(folder) ? Enums.ComponentType.Application : Enums.ComponentType.Library;
  const purl = purlOf({ name, version });
  return new Models.Component(type, short, {
    bomRef: purl,
    group,
    version,
    purl,
    description: described.description,
    scope: isOptional ? Enums.ComponentScope.Optional : Enums.ComponentScope.Required,
    licenses: licencesOf(described),
    ...(folder === undefined ? { hashes: hashesOf(lock.packages[`${name}@${version}`]?.resolution?.integrity) } : {}),
  });
}

function licencesOf({ license, licenses = [] }) {
  const texts = [license, ...licenses].map((one) => (typeof one === 'string' ? one : one?.type)).filter((one) => one !== undefined);
  return new Models.LicenseRepository(texts.map((text) => licences.makeFromString(text)));
}

function makeBom() {
  const lock = readYaml('pnpm-lock.yaml');
  const packages = shippedPackages(lock, shipped);
  const components = new Map([...packages].map(([id, place]) => [id, componentOf(lock, place)]));
  for (const [id, { dependencies }] of packages)
    for (const other of dependencies) components.get(id).dependencies.add(components.get(other).bomRef);
  const { name, version, description, license } = readJson(join(root, 'package.json'));
  const whole = new Models.Component(Enums.ComponentType.Application, name, {
    bomRef: purlOf({ name, version }),
    version,
    description,
    licenses: licencesOf({ license }),
    dependencies: new Models.BomRefRepository(shipped.map((folder) => components.get(folder).bomRef)),
  });
  return new Models.Bom({
    metadata: new Models.Metadata({ component: whole }),
    components: new Models.ComponentRepository(components.values()),
  });
}

/** @returns whether it could be validated; without the packages that the library wants for it, it says so. */
async function validate(json) {
  try {
    const problem = await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(json);
    if (problem !== null) throw new Error(`the bill is not valid: ${JSON.stringify(problem).slice(0, 2_000)}`);
    return true;
  } catch (error) {
    if (!(error instanceof Validation.MissingOptionalDependencyError)) throw error;
    console.error(`sbom: not validated: ${error.message}`);
    return false;
  }
}

const { values } = parseArgs({ options: { out: { type: 'string' } } });
const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
const json = `${serializer.serialize(makeBom(), { sortLists: true, space: 2 })}\n`;
const isValidated = await validate(json);
if (values.out === undefined) process.stdout.write(json);
else writeFileSync(values.out, json);
console.error(
  `sbom: ${JSON.parse(json).components.length} components${isValidated ? ', validated against the schema of CycloneDX 1.6' : ''}`,
);
