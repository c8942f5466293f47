import type { BatteryControl, OpcuaControl } from './control.ts';
import type { HomeView } from './home.ts';
import { meterView } from './meters.ts';
import type { DeviceRole, HomeSpec } from './spec.ts';

export type OpcuaValueType = 'Double' | 'UInt32' | 'Int32';

/** A variable of an OPC-UA device: its string node id, how to read it, and how to write it (false: refused). */
export interface OpcuaNode {
  readonly id: string;
  readonly role: DeviceRole;
  readonly type: OpcuaValueType;
  read(): { value: number; atMs: number };
  readonly write?: (value: number) => boolean;
}

/** What the nodes stand on: the home as it is now. */
export interface OpcuaHome {
  view(): HomeView;
  control(): BatteryControl | null;
  setControl(control: BatteryControl): void;
  /** Whether the device with this role answers nonsense just now. */
  nonsense(role: DeviceRole): boolean;
}

/**
 * The nodes of a home, named after OPC 34100. Powers W (grid positive on import, battery positive on discharge), energies Wh.
 * Nonsense is NaN for powers and a number far beyond any counter for energies.
 */
export function opcuaNodes(spec: HomeSpec, home: OpcuaHome, seed: number): OpcuaNode[] {
  const shown =
    (folder: string, role: DeviceRole) =>
    (name: string, value: (view: HomeView) => number, type: OpcuaValueType = 'Double'): OpcuaNode => ({
      id: `${folder}.${name}`,
      role,
      type,
      read: () => {
        const view = home.view();
        const absurd = home.nonsense(role) && type === 'Double';
        return {
          value: absurd ? (name.includes('Energy') ? 1e30 : Number.NaN) : value(view),
          atMs: view.atMs,
        };
      },
    });
  const meter = shown('Meter', 'grid-meter');
  const nodes = [
    meter('AcActivePowerTotal', (view) => view.gridW),
    meter('AcActiveEnergyTotalImportHp', (view) => view.importWh),
    meter('AcActiveEnergyTotalExportHp', (view) => view.exportWh),
    meter('AcVoltagePhase1', (view) => meterView(view, seed).voltageV[0]),
  ];
  if (spec.pvPeakW !== null) {
    const pv = shown('Pv', 'pv');
    nodes.push(
      pv('AcActivePowerTotal', (view) => view.pvW),
      pv('AcActiveEnergyTotalExportHp', (view) => view.pvWh),
    );
  }
  const { battery } = spec;
  if (!battery) return nodes;
  const show = shown('Battery', 'battery');
  const control = (): OpcuaControl => {
    const now = home.control();
    return now?.kind === 'opcua' ? now : { kind: 'opcua', mode: 0, setpointW: 0, timeoutS: 0 };
  };
  const writable = (
    name: string,
    type: OpcuaValueType,
    field: Exclude<keyof OpcuaControl, 'kind'>,
    allowed: (value: number) => boolean,
  ): OpcuaNode => ({
    ...show(name, () => control()[field], type),
    write: (value) => {
      if (!allowed(value)) return false;
      home.setControl({ ...control(), [field]: value });
      return true;
    },
  });
  return [
    ...nodes,
    show('StateOfCharge', (view) => view.socPermille / 10),
    show('Power', (view) => view.batteryW),
    show('EnergyCharged', (view) => view.chargedWh),
    show('EnergyDischarged', (view) => view.dischargedWh),
    show('Capacity', () => battery.capacityWh),
    show('ChargePowerMax', () => battery.chargeMaxW),
    show('DischargePowerMax', () => battery.dischargeMaxW),
    writable(
      'Setpoint',
      'Double',
      'setpointW',
      (watts) => watts >= -battery.chargeMaxW && watts <= battery.dischargeMaxW,
    ),
    writable('SetpointTimeout', 'UInt32', 'timeoutS', (seconds) => seconds >= 0 && seconds <= 86_400),
    writable('Mode', 'Int32', 'mode', (mode) => mode === 0 || mode === 1),
  ];
}
