import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeOpcua } from '../test/fake-opcua.ts';

/* A process of its own with as many OPC-UA servers as its argument says: the devices' work must not count as the gateway's. */

const folder = mkdtempSync(join(tmpdir(), 'bench-opcua-'));
const servers: { endpoint: string; certificatePath: string }[] = [];
for (let index = 0; index < Number(process.argv[2]); index += 1) {
  const { endpoint, certificatePath } = await fakeOpcua({
    folder: join(folder, String(index)),
    values: {
      'Meter.AcActivePowerTotal': 1000 + index,
      'Meter.AcActiveEnergyTotalImportHp': 50_000,
      'Meter.AcActiveEnergyTotalExportHp': 700,
      'Meter.AcVoltagePhase1': 230,
    },
  });
  servers.push({ endpoint, certificatePath });
}
process.send?.(servers);
process.on('disconnect', () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
});
