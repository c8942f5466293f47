import { CommonwattError } from '@commonwatt/domain';

/**
 * Nodes are named by their namespace's URI, never by its index: a server may number its namespaces anew at every start. The text is that of
 * OPC 10000-6, 5.1.12: `nsu=URI;s=TEXT`, also `i=` numbers, `g=` GUIDs, `b=` base64; without `nsu=` the namespace of OPC UA itself.
 * `;` and `%` within the URI are written %3B and %25.
 */
const NODE = /^(?:nsu=([^;]+);)?([isgb]=.+)$/s;

/** Text of a string node in a namespace. */
export function nodeText(namespaceUri: string, id: string): string {
  return `nsu=${namespaceUri.replaceAll('%', '%25').replaceAll(';', '%3B')};s=${id}`;
}

/** True for a text that names a node by its namespace's URI. */
export function isNodeText(text: string): boolean {
  return NODE.test(text);
}

/** The node id that a server with these namespaces understands: `ns=2;s=TEXT`. Throws CommonwattError `malformed` or `not-found`. */
export function resolveNode(text: string, namespaces: readonly string[]): string {
  const match = NODE.exec(text);
  if (!match) {
    throw new CommonwattError('malformed', `${JSON.stringify(text)} names no node`, {
      field: 'node',
      remedy:
        'write nsu=NAMESPACE-URI;s=TEXT or nsu=NAMESPACE-URI;i=NUMBER; indexes (ns=2) change from start to start',
    });
  }
  const [, uri, id = ''] = match;
  if (uri === undefined) return id;
  const index = namespaces.indexOf(uri.replaceAll(/%3B/gi, ';').replaceAll('%25', '%'));
  if (index < 0) {
    throw new CommonwattError('not-found', `the server has no namespace ${uri}`, {
      field: 'node',
      remedy: 'scan the server again: its address space has changed',
    });
  }
  return index === 0 ? id : `ns=${index};${id}`;
}

/** The other way round: `ns=2;s=TEXT` of a server with these namespaces, by URI. */
export function expandNode(nodeId: string, namespaces: readonly string[]): string {
  const [, index = '0', id = ''] = /^(?:ns=(\d+);)?(.+)$/s.exec(nodeId) ?? [];
  const uri = namespaces[Number(index)];
  if (Number(index) === 0 || uri === undefined) return id;
  return `nsu=${uri.replaceAll('%', '%25').replaceAll(';', '%3B')};${id}`;
}
