import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { CommonwattError, toProblem, type ProblemDocument } from '@commonwatt/domain';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** What fastify, its plugins and node call their errors, in our words. */
const CODE_OF: Readonly<Record<string, readonly [code: CommonwattError['code'], remedy: string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['malformed', 'send content-type: application/json'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['malformed', 'send a JSON body'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['malformed', 'send valid JSON in UTF-8'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['malformed', 'send the right content-length'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['too-large', 'send less at once'],
  FST_ERR_BAD_URL: ['malformed', 'percent-encode the path'],
  FST_ERR_ASYNC_CONSTRAINT: ['not-found', 'see /openapi.json for the paths'],
};

/** Any error as the one documented form. Never throws. */
export function problemOf(error: unknown, instance: string): ProblemDocument {
  if (error instanceof CommonwattError) return toProblem(error, instance);
  const { code, validation, validationContext, statusCode, message } = error as Partial<FastifyError>;
  const first = validation?.[0];
  if (first !== undefined) {
    const inside = first.instancePath.replaceAll('/', '.').replace(/^\./, '');
    const { missingProperty, additionalProperty } = first.params as Record<string, string | undefined>;
    const field = [inside, missingProperty, additionalProperty]
      .filter((part) => part !== undefined && part !== '')
      .join('.');
    return toProblem(
      new CommonwattError(
        'malformed',
        `${validationContext ?? 'request'}: ${field} ${additionalProperty === undefined ? (first.message ?? 'is not valid') : 'is no parameter here'}`,
        {
          ...(field === '' ? {} : { field }),
          remedy: 'see /openapi.json for the schema',
        },
      ),
      instance,
    );
  }
  const known = code === undefined ? undefined : CODE_OF[code];
  if (known !== undefined) {
    return toProblem(new CommonwattError(known[0], firstLine(message), { remedy: known[1] }), instance);
  }
  if (error instanceof SyntaxError || (statusCode !== undefined && statusCode >= 400 && statusCode < 500)) {
    return toProblem(new CommonwattError('malformed', firstLine(message)), instance);
  }
  return toProblem(error, instance);
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error, request.url);
  if (problem.status >= 500) request.log.error(error);
  // A string goes out as it is; an object would be serialised by the schema of the route's good answer.
  return reply.code(problem.status).type(PROBLEM_TYPE).send(JSON.stringify(problem));
}

/** The answer to bytes that are no HTTP request, written on the bare socket. */
export function rawProblem(code: string | undefined): string {
  const tooLarge = code === 'HPE_HEADER_OVERFLOW';
  const problem = toProblem(
    tooLarge
      ? new CommonwattError('too-large', "the request's headers are too large")
      : new CommonwattError('malformed', `this is no HTTP request (${code ?? 'unknown'})`),
  );
  const body = JSON.stringify(problem);
  const status = tooLarge ? '413 Content Too Large' : '400 Bad Request';
  return `HTTP/1.1 ${status}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
}

function firstLine(message: string | undefined): string {
  return (message ?? 'the request is not valid').split('\n', 1)[0] ?? '';
}
