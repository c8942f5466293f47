import type { ClientSession, DataValue } from 'node-opcua';
import { resolveNode } from './node-id.ts';

/** Nodes (`nsu=URI;s=TEXT`) whose changes are wanted between two polls. */
export interface Watch {
  readonly nodes: readonly { readonly node: string; readonly deadband: number }[];
  readonly samplingIntervalMs: number;
  readonly onValue: (node: string, value: DataValue) => void;
}

/** Keep-alives that may be missing before the server drops the subscription; times the interval well below the session's timeout. */
const KEEP_ALIVES = 20;
/** Changes the server keeps while the connection is broken; older ones are dropped. Counters are polled, so no energy hangs on them. */
const QUEUE = 10;

/**
 * A subscription with one monitored item for each node (OPC 10000-4, 5.12 and 5.13), absolute deadband: percent deadband needs an
 * EURange that plain variables lack. Items are created one after the other; all at once confuses servers. A node that the server does not
 * know is left to the poll, which names it.
 * Through a cut the server keeps it for `keptMs`, as long as the session: the changes in its queue would be lost with it.
 */
export async function startWatch(
  session: ClientSession,
  namespaces: readonly string[],
  watch: Watch,
  keptMs: number,
): Promise<void> {
  const { ClientSubscription, DataChangeFilter, DataChangeTrigger, DeadbandType, TimestampsToReturn } =
    await import('node-opcua');
  const { samplingIntervalMs, onValue } = watch;
  const subscription = ClientSubscription.create(session, {
    requestedPublishingInterval: samplingIntervalMs,
    requestedLifetimeCount: Math.max(KEEP_ALIVES * 3, Math.ceil(keptMs / samplingIntervalMs)),
    requestedMaxKeepAliveCount: KEEP_ALIVES,
    maxNotificationsPerPublish: 100,
    publishingEnabled: true,
    priority: 1,
  });
  const monitor = (node: string, deadband: number) =>
    subscription.monitor(
      { nodeId: resolveNode(node, namespaces), attributeId: 13 },
      {
        samplingInterval: samplingIntervalMs,
        queueSize: QUEUE,
        discardOldest: true,
        ...(deadband > 0
          ? {
              filter: new DataChangeFilter({
                trigger: DataChangeTrigger.StatusValue,
                deadbandType: DeadbandType.Absolute,
                deadbandValue: deadband,
              }),
            }
          : {}),
      },
      TimestampsToReturn.Source,
    );
  for (const { node, deadband } of watch.nodes) {
    let item = await monitor(node, deadband);
    // Not every server, or not every type of value, takes a filter: then every change is told.
    if (deadband > 0 && !item.statusCode.isGoodish()) item = await monitor(node, 0);
    item.on('changed', (value: unknown) => onValue(node, value as DataValue));
  }
}
