import { LinkFailure, type LinkTransport, type WireHandler, type WireReply, isOf, jsonReply, measured, pieces } from './port.ts'

type Station = { readonly certificate: Uint8Array; readonly handler: WireHandler }

/** Faults that a test asks of the next requests to an endpoint. */
export type MemoryFaults = {
  /** Nobody answers there. */
  unreachable: boolean
  /** The body breaks after so many bytes. */
  cutBodyAfter: number | null
  /** The request is handled, the reply is lost. */
  loseReply: boolean
}

/** A network inside one process: for simulations of many nodes, and as the second adapter that the contract is held to. */
export type MemoryNetwork = {
  transport(endpoint: string, certificate: () => Uint8Array): LinkTransport
  faults(endpoint: string): MemoryFaults
}

export function memoryNetwork(): MemoryNetwork {
  const stations = new Map<string, Station>()
  const faults = new Map<string, MemoryFaults>()
  const faultsOf = (endpoint: string): MemoryFaults => {
    const known = faults.get(endpoint) ?? { unreachable: false, cutBodyAfter: null, loseReply: false }
    faults.set(endpoint, known)
    return known
  }
  return {
    faults: faultsOf,
    transport: (endpoint, certificate) => ({
      request: async (peer, request) => {
        const station = stations.get(peer.endpoint)
        const fault = faultsOf(peer.endpoint)
        await new Promise(setImmediate)
        if (station === undefined || fault.unreachable) throw new LinkFailure('unreachable', peer.endpoint)
        if (!isOf(station.certificate, peer)) throw new LinkFailure('wrongCertificate', `${peer.node} at ${peer.endpoint}`)
        const line = { broken: false }
        const reply = await station.handler({
          method: request.method,
          path: request.path,
          type: request.type,
          headers: request.headers ?? {},
          length: request.length,
          certificate: certificate(),
          from: 'memory',
          body: measured(overLine(pieces(request.body), fault.cutBodyAfter, line), request.length),
        }).catch((): WireReply => jsonReply(500, { error: { code: 'kernel.unexpected' } }))
        if (line.broken) throw new LinkFailure('cut', 'the connection broke')
        if (fault.loseReply) throw new LinkFailure('cut', 'the reply was lost')
        return reply
      },
      serve: (handler) => {
        stations.set(endpoint, { certificate: certificate(), handler })
        return Promise.resolve(endpoint)
      },
      renew: () => {
        const station = stations.get(endpoint)
        if (station !== undefined) stations.set(endpoint, { ...station, certificate: certificate() })
      },
      close: () => Promise.resolve(void stations.delete(endpoint)),
    }),
  }
}

/** A body as it arrives: it may break where a test says so, or because its sender does. */
async function* overLine(body: AsyncIterable<Uint8Array>, cutAfter: number | null, line: { broken: boolean }): AsyncGenerator<Uint8Array> {
  let left = cutAfter ?? Infinity
  try {
    for await (const piece of body) {
      if (piece.length > left) {
        if (left > 0) yield piece.subarray(0, left)
        throw new Error('the connection broke')
      }
      left -= piece.length
      yield piece
    }
  } catch (error) {
    line.broken = true
    throw error
  }
}
