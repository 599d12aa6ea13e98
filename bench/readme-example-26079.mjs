import { createUpdater, nodeHost } from '@remendo/core';
const updater = createUpdater({
  root: "/tmp/remendo-readme-FevCyE/install",
  server: "http://127.0.0.1:45573",
  trust: { kind: 'signed', firstUse: true }, // or, better, a root that you ship: docs/operating/keys.md
  host: nodeHost(),
  preserve: ['.env', 'storage/app/**'],
});
const erp = { command: "/usr/bin/node", args: ['vnd.cjs'], folder: "/tmp/remendo-readme-FevCyE/install" };
const result = await updater.update({ start: erp }); // or check, plan, download, stage, commit, confirm one by one
console.log(result.kind); // updated, up-to-date, rolled-back, …
await updater.close();
