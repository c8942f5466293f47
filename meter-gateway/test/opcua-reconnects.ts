import { openConnections } from '../src/connect.ts';

/*
 * A process of its own that connects, reads and closes again and again, and tells how much memory it holds. It must end by itself: whatever
 * a closed connection leaves open would keep it.
 */

const [endpoint = '', serverCertificatePath = '', pkiFolder = '', rounds = ''] = process.argv.slice(2);

/** Bytes in use once everything that nobody holds is gone. */
async function usedBytes(): Promise<number> {
  for (let turn = 0; turn < 4; turn += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function once(): Promise<void> {
  const connections = openConnections({ pkiFolder });
  const meter = connections.device({
    id: 'meter',
    role: 'grid-meter',
    protocol: 'opcua',
    endpoint,
    user: 'gateway',
    password: 'secret',
    profile: 'opc34100',
    serverCertificatePath,
    subscribe: { samplingIntervalMs: 1000, deadbandW: 10 },
  });
  meter.watch?.(() => {});
  await meter.read();
  await connections.closeAll();
}

// The first ones load the library and fill its caches; what that leaves is collected late.
for (let round = 0; round < 30; round += 1) await once();
const beforeBytes = await usedBytes();
const startedMs = performance.now();
for (let round = 0; round < Number(rounds); round += 1) await once();
const grownBytes = (await usedBytes()) - beforeBytes;
console.log(JSON.stringify({ beforeBytes, grownBytes, ms: performance.now() - startedMs }));
