import { CommonwattError } from '@commonwatt/domain';
import type { ErrorObject } from 'ajv';
import { isNode, LineCounter, parseDocument, type Document } from 'yaml';

export type YamlPath = readonly (string | number)[];

/** A YAML text, and where in it something is wrong: errors read `FILE:LINE:COLUMN: what`, with what to do in `place.remedy`. */
export interface YamlText {
  readonly value: unknown;
  /** The error for a member, at the deepest part of its path that the file has. */
  fault(path: YamlPath, detail: string, remedy?: string): CommonwattError;
}

const REMEDY = 'compare with the example in docs/gateway.md';

/** Throws CommonwattError `malformed` where the text is no YAML. `file` is for messages. */
export function readYaml(content: string, file: string): YamlText {
  const counter = new LineCounter();
  const document = parseDocument(content, { lineCounter: counter, prettyErrors: false });
  const faultAt = (offset: number, detail: string, field: string, remedy: string): CommonwattError => {
    const { line, col } = counter.linePos(offset);
    return new CommonwattError('malformed', `${file}:${Math.max(1, line)}:${Math.max(1, col)}: ${detail}`, {
      record: file,
      field,
      remedy,
    });
  };
  const [broken] = document.errors;
  if (broken)
    throw faultAt(broken.pos[0], broken.message, '', 'indent with spaces, and quote text that holds : or #');
  return {
    value: document.toJS(),
    fault: (path, detail, remedy = REMEDY) =>
      faultAt(offsetOf(document, path), detail, path.join('.'), remedy),
  };
}

/** The first character of the deepest part of a path that the file has: its key where it has one; 0 for an empty file. */
function offsetOf(document: Document, path: YamlPath): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

/** Where a schema's error lies: the member itself when it should not be there, else what it was found in. */
export function pathOf(error: ErrorObject | undefined): YamlPath {
  const path = (error?.instancePath ?? '')
    .split('/')
    .slice(1)
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const extra = (error?.params as { additionalProperty?: string } | undefined)?.additionalProperty;
  return extra === undefined ? path : [...path, extra];
}

/** A schema's error in words, and what to do. */
export function wordsOf(error: ErrorObject | undefined): readonly [detail: string, remedy?: string] {
  if (!error) return ['is not a configuration'];
  const name = error.instancePath.split('/').at(-1) ?? '';
  const params = error.params as {
    additionalProperty?: string;
    allowedValues?: unknown[];
    missingProperty?: string;
  };
  if (params.additionalProperty !== undefined) {
    return [`${params.additionalProperty} is not known here`, 'take it out, or correct its spelling'];
  }
  if (params.missingProperty !== undefined) {
    return [
      `${name} must have required property '${params.missingProperty}'`.trim(),
      `add ${params.missingProperty}: and its value`,
    ];
  }
  if (error.keyword === 'discriminator') {
    return ['protocol must be modbus-tcp, modbus-rtu or opcua', 'name how the device is reached'];
  }
  const allowed = params.allowedValues ? `: ${params.allowedValues.join(', ')}` : '';
  return [`${name} ${error.message ?? 'is wrong'}${allowed}`.trim()];
}
