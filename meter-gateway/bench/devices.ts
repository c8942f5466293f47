import { fakeModbus } from '../test/fake-modbus.ts';
import { fill } from '../test/homes.ts';

/* A process of its own with as many SDM630s as its argument says: the devices' work must not count as the gateway's. */

const ports: number[] = [];
for (let index = 0; index < Number(process.argv[2]); index += 1) {
  const fake = await fakeModbus();
  fill(fake, 0, 0x60);
  fake.setFloat(0x00, 230);
  fake.setFloat(0x34, 1000 + index);
  fake.setFloat(0x46, 50);
  const startedMs = performance.now();
  fake.onRequest = () => {
    // One counter in memory, one list of requests kept short: this process lives as long as the bench.
    fake.requests.length = 0;
    fake.setFloat(0x48, 1000 + (performance.now() - startedMs) / 3_600_000);
  };
  ports.push(fake.port);
}
process.send?.(ports);
process.on('disconnect', () => process.exit(0));
