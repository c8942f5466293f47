import type { DeviceRole } from '../config.ts';
import { isPlausible, type Quantity } from '../quantity.ts';
import type { FoundVariable } from './browse.ts';
import { scaleOf } from './units.ts';
import type { NodeMap } from './values.ts';

/** A device that a server's nodes make sense as. */
export interface Proposal {
  readonly role: DeviceRole;
  /** Where it is: `Objects / Site / Meter`. */
  readonly where: string;
  readonly nodes: NodeMap;
  /** Quantities whose node tells no unit: W, Wh, V, A, Hz or percent was taken. */
  readonly assumed: readonly Quantity[];
  /** Quantities that the role needs and nobody has. */
  readonly missing: readonly Quantity[];
}

/** Words in the path that tell what a device is, the more telling first: a battery's meter is no grid meter. */
const ROLES: readonly (readonly [DeviceRole, RegExp])[] = [
  ['battery', /batter|storage|bess|akku|accu\b|ess\b/i],
  ['pv', /pv|photovolt|solar|inverter|roof/i],
  ['grid-meter', /meter|grid|mains|utility|pcc|connection/i],
];

const NEEDED: Record<DeviceRole, readonly Quantity[]> = {
  'grid-meter': ['powerW', 'importWh', 'exportWh'],
  pv: ['powerW', 'exportWh'],
  battery: ['powerW', 'stateOfChargePermille'],
};

/**
 * Names of OPC 34100 first (AcActivePowerTotal, AcActiveEnergyTotalImportHp, ...: Hp is the precise one), then names that devices use.
 * Matched against the letters and digits of the path below the device, in lower case.
 */
const NAMES: readonly (readonly [Quantity, readonly RegExp[]])[] = [
  [
    'powerW',
    [
      /acactivepowertotal$/,
      /(active|total|grid|ac|pv|net)power(total|sum)?$/,
      /^(power|p)(total|tot|sum|ac)?$/,
      /^power/,
    ],
  ],
  ...([1, 2, 3] as const).flatMap((phase): (readonly [Quantity, readonly RegExp[]])[] => [
    [`powerL${phase}W`, [new RegExp(`power(phase|l)${phase}$`)]],
    [
      `voltageL${phase}V`,
      [new RegExp(`voltage(petophase|phase|l)${phase}(n|toneutral)?$`), new RegExp(`^u(l)?${phase}n?$`)],
    ],
    [`currentL${phase}A`, [new RegExp(`current(phase|l)${phase}$`), new RegExp(`^i(l)?${phase}$`)]],
  ]),
  ['frequencyHz', [/frequency$/, /^f(hz)?$/]],
  [
    'importWh',
    [
      /energytotalimporthp$/,
      /energytotalimport(lp)?$/,
      /(import|drawn|consumed|bezug|charged)/,
      /energycharge$/,
    ],
  ],
  [
    'exportWh',
    [
      /energytotalexporthp$/,
      /energytotalexport(lp)?$/,
      /(export|feedin|fedin|einspeisung|discharged)/,
      /energydischarge$/,
      /(produc|generat|yield)/,
    ],
  ],
  ['stateOfChargePermille', [/stateofcharge$/, /^soc$/, /(battery|charge)level$/]],
  ['capacityWh', [/(usable|nominal)?capacity(wh|kwh)?$/]],
  ['chargeMaxW', [/^(max(imum)?chargepower|chargepower(max|limit)|chargemax)/]],
  ['dischargeMaxW', [/^(max(imum)?dischargepower|dischargepower(max|limit)|dischargemax)/]],
];

/** Set-points, limits and parts of a whole bear names like measurements. */
const NO_MEASUREMENT =
  /setpoint|target|reactive|apparent|today|daily|month|year|tariff|demand|timeout|mode|status/;

interface Match {
  readonly quantity: Quantity;
  readonly rank: number;
  readonly variable: FoundVariable;
  readonly scale: number;
  readonly told: boolean;
}

/** Puts variables together to devices: at most one proposal for each place in the tree, the most complete ones first. Pure. */
export function recognise(variables: readonly FoundVariable[]): readonly Proposal[] {
  const places = new Map<string, { role: DeviceRole; where: string; matches: Match[] }>();
  for (const variable of variables) {
    if (variable.value === null) continue;
    const { role, depth } = placeOf(variable.path);
    const match = matchOf(role, variable, depth);
    if (!match) continue;
    const root = variable.path.slice(0, depth);
    const key = JSON.stringify(root);
    const place = places.get(key) ?? { role, where: ['Objects', ...root].join(' / '), matches: [] };
    place.matches.push(match);
    places.set(key, place);
  }
  return [...places.values()]
    .map(({ role, where, matches }) => proposalOf(role, where, matches))
    .filter(({ nodes, role }) => NEEDED[role].some((quantity) => nodes[quantity]))
    .sort((a, b) => a.missing.length - b.missing.length || size(b) - size(a));
}

const size = ({ nodes }: Proposal): number => Object.keys(nodes).length;

/** The deepest object whose name tells a role is the device; without one, whatever holds the variable is taken for a grid meter. */
function placeOf(path: readonly string[]): { role: DeviceRole; depth: number } {
  for (let depth = path.length - 1; depth > 0; depth -= 1) {
    const name = path[depth - 1] ?? '';
    const [role] = ROLES.find(([, words]) => words.test(name)) ?? [];
    if (role) return { role, depth };
  }
  return { role: 'grid-meter', depth: path.length - 1 };
}

function matchOf(role: DeviceRole, variable: FoundVariable, depth: number): Match | undefined {
  const below = variable.path.slice(depth);
  const whole = squeeze(below.join(''));
  const leaf = squeeze(below.at(-1) ?? '');
  if (NO_MEASUREMENT.test(whole)) return undefined;
  for (const [quantity, patterns] of NAMES) {
    const at = patterns.findIndex((pattern) => pattern.test(leaf) || pattern.test(whole));
    if (at < 0) continue;
    // "EnergyDischarged" holds "charged".
    if (quantity === 'importWh' && /discharg/.test(whole)) continue;
    if (quantity.endsWith('Wh') && leaf.includes('power')) continue;
    if (role !== 'battery' && /^(stateOf|capacity|chargeMax|dischargeMax)/.test(quantity)) continue;
    const unit = variable.unit ?? /(kWh|MWh|Wh|kW|W)$/.exec(variable.path.at(-1) ?? '')?.[1] ?? null;
    const scale = unit === null ? (quantity === 'stateOfChargePermille' ? 10 : 1) : scaleOf(quantity, unit);
    if (scale === undefined || !isPlausible(quantity, Math.round((variable.value ?? NaN) * scale))) continue;
    return { quantity, rank: at, variable, scale, told: unit !== null };
  }
  // A roof's only counter is what it produced.
  const energy = variable.unit === null ? undefined : scaleOf('exportWh', variable.unit);
  if (role === 'pv' && energy !== undefined && /energy|total/.test(whole)) {
    return { quantity: 'exportWh', rank: 9, variable, scale: energy, told: true };
  }
  return undefined;
}

function proposalOf(role: DeviceRole, where: string, matches: readonly Match[]): Proposal {
  const best = new Map<Quantity, Match>();
  for (const match of matches) {
    const before = best.get(match.quantity);
    if (!before || match.rank < before.rank) best.set(match.quantity, match);
  }
  return {
    role,
    where,
    nodes: Object.fromEntries(
      [...best].map(([quantity, { variable, scale }]) => [quantity, { node: variable.node, scale }]),
    ),
    assumed: [...best.values()].filter(({ told }) => !told).map(({ quantity }) => quantity),
    missing: NEEDED[role].filter((quantity) => !best.has(quantity)),
  };
}

const squeeze = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
