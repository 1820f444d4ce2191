import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { Server } from './plugin.ts'
import { DESK_MISSING, kernelFaults } from './words.ts'

export const DESK_FOLDER = fileURLToPath(new URL('../../desk/dist', import.meta.url))

/**
 * Serves the built desk: files under `/assets/` carry a hash in their names and are kept for ever, everything else is asked for again. Any other
 * address is a page of the desk, which finds its way itself; one that ends like a file (an organ's id has dots) only where a browser wants a page.
 */
export async function serveDesk(server: Server, folder: string): Promise<void> {
  const built = existsSync(folder)
  if (built) {
    await server.register(fastifyStatic, {
      root: folder,
      index: ['index.html'],
      preCompressed: true,
      redirect: false,
      cacheControl: false,
      schemaHide: true,
      setHeaders: (reply, path) => reply.header('cache-control', path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'),
    })
  } else server.get('/', { config: { public: true }, schema: { hide: true } }, (_request, reply) => reply.type('text/html; charset=utf-8').send(DESK_MISSING))
  server.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? ''
    const isAsked = !/\.\w+$/.test(path) || request.headers.accept?.includes('text/html') === true
    const isPage = built && isAsked && (request.method === 'GET' || request.method === 'HEAD') && !/^\/(api|assets)(\/|$)/i.test(path)
    if (!isPage) throw kernelFaults.notFound()
    return reply.sendFile('index.html')
  })
}
