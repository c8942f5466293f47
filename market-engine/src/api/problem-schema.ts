import { TEXT, object } from './schema-parts.ts';

/** The schema of errors: RFC 9457 problem documents. */

export const PROBLEM_DOCUMENT = object(
  {
    type: { type: 'string', examples: ['urn:commonwatt:problem:gate-closed'] },
    title: TEXT,
    status: { type: 'integer' },
    detail: TEXT,
    instance: TEXT,
    record: { ...TEXT, description: 'The record at fault' },
    field: { ...TEXT, description: 'The field at fault, as a path' },
    rule: { ...TEXT, description: 'The rule that was broken' },
    remedy: { ...TEXT, description: 'What to do' },
  },
  ['instance', 'record', 'field', 'rule', 'remedy'],
);

export const PROBLEM = {
  description: 'RFC 9457 problem document',
  content: { 'application/problem+json': { schema: PROBLEM_DOCUMENT } },
};
