import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import type { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import { recordRefusal, sourceOf } from '@postroad/kernel/seams'
import { kernelFaults } from '@postroad/kernel/words'
import { Server as TusServer } from '@tus/server'
import type { FastifyRequest } from 'fastify'
import { filesFaults } from './words.ts'

type TusOptions = ConstructorParameters<typeof TusServer>[0]
type Serving = { readonly request: FastifyRequest; error: unknown }

/** The tus library's server, refusing in the catalogue's words and with an audit record: its own would tell paths and errors of ours. */
export class UploadServer extends TusServer {
  readonly #node: Node
  readonly #serving = new AsyncLocalStorage<Serving>()

  constructor(node: Node, options: TusOptions) {
    super({ ...options, onResponseError: (_request, error) => void this.#keep(error) })
    this.#node = node
  }

  /** Serves a request that was admitted; whatever is refused from here on is this person's. */
  serve(request: FastifyRequest, response: Parameters<TusServer['handle']>[1]): Promise<void> {
    return this.#serving.run({ request, error: null }, () => this.handle(request.raw, response))
  }

  override async write(...[context, headers, status, body]: Parameters<TusServer['write']>): ReturnType<TusServer['write']> {
    if (status < 400) return super.write(context, headers, status, body)
    const { code, message, advice, detail, status: told } = await this.#refuse(status)
    headers.set('content-type', 'application/json; charset=utf-8')
    return super.write(context, headers, told, JSON.stringify({ error: { code, message, advice, detail } }))
  }

  #keep(error: unknown): void {
    const serving = this.#serving.getStore()
    if (serving !== undefined) serving.error = error
  }

  async #refuse(status: number): Promise<Refusal> {
    const refusal = refusalOf(status)
    const serving = this.#serving.getStore()
    if (serving === undefined || serving.request.raw.socket.destroyed) return refusal // a line that was cut: nobody was refused anything
    const { request, error } = serving
    if (refusal.status >= 500) this.#node.log.error({ err: error, ...refusal.detail, method: request.method, route: request.routeOptions.url }, 'unexpected error')
    await this.#node.slots.find(recordRefusal)?.(request.principal, refusal, sourceOf(request))
    return refusal
  }
}

function refusalOf(status: number): Refusal {
  if (status === 404 || status === 410) return filesFaults.noUpload()
  if (status === 409) return filesFaults.offsetMismatch()
  if (status === 413) return filesFaults.tooLarge()
  return status < 500 || status === 501 ? filesFaults.notTus() : kernelFaults.unexpected({ incident: randomUUID().slice(0, 8) })
}
