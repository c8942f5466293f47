import { signerFromSeed, type MeterReading } from '@commonwatt/domain';
import { NO_HASH } from '../src/slots/memory.ts';
import { openStore } from '../src/store/store.ts';

/* A store in a process of its own, whose disk ends somewhere. It prints the sequences that are on disk, and why the first one is not. */

const signer = signerFromSeed(new Uint8Array(32));
const store = openStore(process.argv[2] ?? '', { community: 'c', gateway: 'g', key: signer.publicKey });
const from = store.memory()?.sequence ?? 0;
for (let sequence = from; sequence < from + 40; sequence += 1) {
  const reading = signer.sign({ sequence, slot: 's', text: 'x'.repeat(500) } as unknown as MeterReading);
  try {
    store.append([reading], { boundaryMs: 0, sequence: sequence + 1, previousHash: NO_HASH, devices: {} });
    process.stdout.write(`${sequence}\n`);
  } catch (error) {
    process.stdout.write(`stopped: ${(error as Error).message}\n`);
    process.exit(0);
  }
}
