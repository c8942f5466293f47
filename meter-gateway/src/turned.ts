import type { Device } from './device.ts';
import type { DeviceSample, Quantity } from './quantity.ts';

/** Which of a meter's directions are the other way round: makers differ, and current transformers get mounted backwards. */
export type Turned = 'power' | 'energy' | 'both';

const OTHER: Partial<Record<Quantity, Quantity>> = { importWh: 'exportWh', exportWh: 'importWh' };
const isPower = (quantity: Quantity): boolean => /^power(L\d)?W$/.test(quantity);

/** The sample as it would be had the meter been mounted the right way round. */
export function turnSample(sample: DeviceSample, turned: Turned): DeviceSample {
  const name = (quantity: Quantity): Quantity =>
    turned === 'power' ? quantity : (OTHER[quantity] ?? quantity);
  const values = Object.fromEntries(
    (Object.entries(sample.values) as [Quantity, number][]).map(([quantity, value]) => [
      name(quantity),
      isPower(quantity) && turned !== 'energy' && value !== 0 ? -value : value,
    ]),
  );
  const { rollsAtWh } = sample;
  return {
    ...sample,
    values,
    nonsense: sample.nonsense.map(name),
    ...(rollsAtWh === undefined
      ? {}
      : {
          rollsAtWh: Object.fromEntries(
            (Object.entries(rollsAtWh) as [Quantity, number][]).map(([quantity, wh]) => [name(quantity), wh]),
          ),
        }),
  };
}

/** A device whose samples are turned round. */
export function turnedDevice(device: Device, turned: Turned): Device {
  return {
    ...device,
    read: async () => turnSample(await device.read(), turned),
  };
}
