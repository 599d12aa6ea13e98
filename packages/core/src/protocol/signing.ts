/** Signed metadata between the server and those who hold keys. */
import { type Static, Type } from 'typebox';
import { literals, moment, nullable, slug } from './shapes.js';

const closed = { additionalProperties: false } as const;
const roleName = Type.String({ pattern: '^(?:root|targets|(?:app|bin)-[a-z0-9][a-z0-9._-]{0,67})$', maxLength: 80 });

/** POST /api/v1/metadata: new versions of roles, signed elsewhere. All are taken, or none. */
export const MetadataRequest = Type.Object(
  {
    metadata: Type.Array(
      Type.Object(
        { role: roleName, body: Type.String({ maxLength: 2_097_152, description: 'The signed metadata, as JSON text' }) },
        closed,
      ),
      { minItems: 1, maxItems: 300 },
    ),
    /** Whether the server adds its own signatures where its keys may: only while it is set to hand over. */
    cosigned: Type.Optional(Type.Boolean({ default: false })),
    reason: Type.Optional(Type.String({ maxLength: 1_000 })),
  },
  closed,
);
export type MetadataRequest = Static<typeof MetadataRequest>;

const SignedRoleState = {
  version: Type.Integer(),
  expires_at: moment,
  threshold: Type.Integer(),
  key_ids: Type.Array(Type.String()),
  /** Whether the server's own keys are enough to sign it. */
  by_server: Type.Boolean(),
};

/** GET /api/v1/signing */
export const SigningState = Type.Object({
  root: Type.Object(SignedRoleState),
  targets: Type.Object(SignedRoleState),
  snapshot: Type.Object(SignedRoleState),
  timestamp: Type.Object(SignedRoleState),
  applications: Type.Array(
    Type.Object({
      application: slug,
      signing_mode: literals(['offline', 'server'] as const),
      /** Null: nothing is delegated to it yet. */
      role: nullable(Type.Object(SignedRoleState)),
      /** The earliest expiry of its bins. */
      expires_at: nullable(moment),
      unsigned_builds: Type.Array(Type.Object({ version: Type.String(), platform: slug })),
    }),
  ),
  hand_over: Type.Boolean(),
  /** What whoever holds the server could do, in a sentence. */
  consequence: Type.String(),
});
export type SigningState = Static<typeof SigningState>;

/** POST /api/v1/signing/online-keys: a key that the server signs with as soon as a root names it. */
export const SigningKeyAnswer = Type.Object({ key_id: Type.String(), public_key: Type.String({ description: 'PEM' }) });
export type SigningKeyAnswer = Static<typeof SigningKeyAnswer>;
