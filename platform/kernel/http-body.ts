import type { FastifyRequest, FastifySchemaCompiler } from 'fastify'
import { validatorCompiler } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Server } from './plugin.ts'
import { kernelFaults } from './words.ts'

const DEEPEST = 32
/** U+0000 as JSON writes it. No text holds it: PostgreSQL cannot, and a name that ends early elsewhere is another name. */
const NUL = /(?<!\\)(?:\\\\)*\\u0000/

/** JSON as the only body out of the box; deep nesting, U+0000 and keys that reach a prototype are refused before anything looks at the value. */
export function acceptJson(server: Server): void {
  const parse = server.getDefaultJsonParser('error', 'error')
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const text = body.toString()
    if (text === '') done(null, undefined)
    else if (depthOf(text) > DEEPEST) done(kernelFaults.malformed({ reason: 'depth' }), undefined)
    else if (NUL.test(text)) done(kernelFaults.malformed({ reason: 'nul' }), undefined)
    else parse(request, text, done)
  })
}

/** A route that names neither a schema nor a type for its body takes none: what is sent to it all the same is refused, not overlooked. */
export function refuseUnforeseen({ body, routeOptions: { schema } }: FastifyRequest): void {
  if (schema?.body !== undefined || schema?.consumes !== undefined || body === undefined || body === null) return
  if (typeof body !== 'object' || Array.isArray(body) || Object.keys(body).length > 0) throw kernelFaults.invalid({ part: 'body', path: '', problem: 'no body is taken here' })
}

/** How deep brackets nest outside strings. One pass, no recursion. */
export function depthOf(json: string): number {
  let depth = 0
  let deepest = 0
  for (let i = 0; i < json.length; i += 1) {
    const char = json.charCodeAt(i)
    if (char === QUOTE) i = endOfString(json, i)
    else if (char === OPEN_BRACE || char === OPEN_BRACKET) deepest = Math.max(deepest, (depth += 1))
    else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) depth -= 1
  }
  return deepest
}

/** Where the string that begins at `start` ends; the text's end where it does not. Sealed bodies are long strings, so it leaps from quote to quote. */
function endOfString(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); end >= 0; end = json.indexOf('"', end + 1)) {
    let slashes = 0
    while (json.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes += 1
    if (slashes % 2 === 0) return end
  }
  return json.length
}
const [QUOTE, BACKSLASH, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d]

/** zod's compiler, with unknown fields refused: queries and parameters are made strict, bodies must have been written so. */
export const strictCompiler: FastifySchemaCompiler<z.ZodType> = (route) => {
  const { schema, httpPart, method, url } = route
  if (httpPart === 'body') {
    const loose = findLoose(schema, '')
    if (loose !== null) throw new Error(`${method} ${url}: unknown fields would pass at ${loose || 'the top'} of the body; use z.strictObject`)
  }
  const strict = httpPart !== 'headers' && schema instanceof z.ZodObject && schema.def.catchall === undefined ? schema.strict() : schema
  return validatorCompiler({ ...route, schema: strict })
}

/** Path of the first object that lets unknown fields pass, or null. */
function findLoose(schema: unknown, path: string): string | null {
  if (schema instanceof z.ZodObject) {
    if (schema.def.catchall?._zod.def.type !== 'never') return path
    return firstOf(Object.entries(schema.shape), ([name, inner]) => findLoose(inner, `${path}/${name}`))
  }
  if (schema instanceof z.ZodArray) return findLoose(schema.element, `${path}[]`)
  if (schema instanceof z.ZodUnion) return firstOf(schema.options, (option) => findLoose(option, path))
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault || schema instanceof z.ZodReadonly) return findLoose(schema.unwrap(), path)
  if (schema instanceof z.ZodPipe) return findLoose(schema.in, path)
  return null
}

function firstOf<T>(items: readonly T[], find: (item: T) => string | null): string | null {
  for (const item of items) {
    const found = find(item)
    if (found !== null) return found
  }
  return null
}
