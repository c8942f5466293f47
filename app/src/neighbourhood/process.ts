import { CommonwattError } from '@commonwatt/domain';
import { capacityMilliJ } from './battery.ts';
import { isForced } from './control.ts';
import { serveFeeder, serveModbusHome, serveOpcuaHome, type HomeServers } from './devices.ts';
import { measuredDrives } from './measured.ts';
import type { Answer, Envelope, Request, Results } from './messages.ts';
import { openNvram, type Nvram } from './nvram.ts';
import type { NeighbourhoodSpec } from './spec.ts';
import { syntheticDrives } from './synthetic.ts';
import { createWorld, type HomeTruth, type World } from './world.ts';

/*
 * The park's process: all simulated devices of a neighbourhood, each a server on 127.0.0.1.
 * Its parent steers it by messages. It ends when asked to, on SIGTERM, and whenever the parent is gone.
 */

interface Running {
  readonly spec: NeighbourhoodSpec;
  readonly world: World;
  readonly nvram: Nvram;
  readonly servers: readonly HomeServers[];
  readonly feeder: HomeServers | null;
}

let running: Running | null = null;

async function start(request: Extract<Request, { do: 'start' }>): Promise<Results['start']> {
  const { spec, dir } = request;
  const nvram = openNvram(dir);
  const drives =
    spec.source === 'synthetic' ? syntheticDrives(spec) : await measuredDrives(spec, spec.source.dataDir);
  const world = createWorld(spec, drives, nvram, request.atMs);
  const servers = await serveHomes(spec, dir, world, nvram);
  const feeder = spec.feeder === null ? null : await serveFeeder(spec.feeder, world, nvram);
  running = { spec, world, nvram, servers, feeder };
  return { atMs: world.atMs, homes: servers.map(({ home }) => home), feeder: feeder?.home ?? null };
}

async function serveHomes(
  spec: NeighbourhoodSpec,
  dir: string,
  world: World,
  nvram: Nvram,
): Promise<HomeServers[]> {
  const anyOpcua = spec.homes.some((home) => home.protocol === 'opcua');
  // node-opcua is large, so a park without it does not load it.
  const identity = anyOpcua ? await (await import('./opcua-server.ts')).openIdentity(dir) : null;
  const servers: HomeServers[] = [];
  for (const [index, home] of spec.homes.entries()) {
    servers.push(
      home.protocol === 'opcua' && identity
        ? await serveOpcuaHome(home, index, world, nvram, identity, spec.seed)
        : await serveModbusHome(home, index, world, nvram),
    );
  }
  return servers;
}

function truth({ spec, world }: Running): Results['truth'] {
  const homes = spec.homes.map((home, index): HomeTruth => {
    const state = world.state(index);
    const { totals } = state;
    return {
      id: home.id,
      ...totals,
      storedMilliJ: state.storedMilliJ,
      storedAtStartMilliJ:
        state.storedMilliJ - totals.chargedMilliJ + totals.dischargedMilliJ + totals.lostMilliJ,
      capacityMilliJ: home.battery ? capacityMilliJ(home.battery) : 0,
      forced: state.control ? isForced(state.control) : false,
    };
  });
  return { atMs: world.atMs, homes, lostMilliJ: world.lostMilliJ, rssBytes: process.memoryUsage.rss() };
}

async function fault(
  { spec, servers, feeder }: Running,
  request: Extract<Request, { do: 'fault' }>,
): Promise<Results['fault']> {
  const home =
    request.home === feeder?.home.id
      ? feeder
      : servers[spec.homes.findIndex(({ id }) => id === request.home)];
  // A device goes by its id, or by its role.
  const device = home?.home.devices.find(({ id, role }) => id === request.device || role === request.device);
  if (!home || !device) {
    const known = home?.home.devices.map(({ id }) => id).join(', ') ?? 'no such home';
    throw new CommonwattError('not-found', `${request.home} has no device ${request.device}`, {
      record: request.home,
      field: 'device',
      remedy: `devices there: ${known}`,
    });
  }
  await home.fault(device.id, request.kind, request.percent);
  return null;
}

/** The end of the process closes every connection; what the devices keep is kept already. */
function stop(): null {
  running?.nvram.close();
  running = null;
  return null;
}

async function handle(request: Request): Promise<Results[keyof Results]> {
  if (request.do === 'start') return start(request);
  if (request.do === 'stop') return stop();
  if (!running) throw new CommonwattError('unavailable', 'the devices have not started');
  if (request.do === 'advance') return { atMs: running.world.advance(request.toMs) };
  if (request.do === 'fault') return fault(running, request);
  return truth(running);
}

function reply(answer: Answer, then?: () => void): void {
  if (process.connected) process.send?.(answer, undefined, undefined, () => then?.());
  else then?.();
}

process.on('message', (message) => {
  const { id, ...request } = message as Envelope;
  handle(request).then(
    (result) => reply({ id, result }, request.do === 'stop' ? () => process.exit(0) : undefined),
    (error: unknown) => {
      const known = error instanceof CommonwattError;
      const detail = error instanceof Error ? error.message : String(error);
      reply({
        id,
        error: { code: known ? error.code : 'internal', detail, place: known ? error.place : {} },
      });
    },
  );
});
// The devices' state is safe at any moment, so without a parent there is nothing to wait for.
process.on('disconnect', () => process.exit(0));
// A parent that was gone before this line leaves its request behind, but no event.
if (!process.connected) process.exit(0);
process.on('SIGTERM', () => {
  stop();
  process.exit(0);
});
// Ctrl-C reaches the whole group; the parent ends us in its own order.
process.on('SIGINT', () => {});
process.on('uncaughtException', (error) => reply({ log: `device fault: ${error.stack ?? error.message}` }));
process.on('unhandledRejection', (reason) => reply({ log: `device fault: ${String(reason)}` }));
