import type { MeterFault, MeterSuspect } from '@commonwatt/domain';

/** The suspect with the sentence that a person reads. */
export function suspectText(suspect: Omit<MeterSuspect, 'text'>): MeterSuspect {
  const { participant, missingWh } = suspect;
  const missing = `${(Math.abs(missingWh) / 1000).toFixed(1)} kWh ${missingWh < 0 ? 'too much' : 'missing'}`;
  return { ...suspect, text: `${participant}: ${what(suspect.fault, suspect.showsPermille)}; ${missing}` };
}

function what(fault: MeterFault, showsPermille: number | null): string {
  const percent = `${((showsPermille ?? 0) / 10).toFixed(0)} %`;
  switch (fault) {
    case 'scale':
      return `the meter seems to count ${percent} of what flows`;
    case 'tap':
      return `the meter seems to see ${percent} of what is used, the rest bypasses it`;
    case 'stuck':
      return 'the counter seems to stand still while energy flows';
    case 'swapped':
      return 'the meter seems to take import for export';
  }
}
