throw new Error(
  'The native sqlite3 is left out on purpose: the embedded chain keeps its blocks in node:sqlite (substrate-client/src/embedded).',
);
