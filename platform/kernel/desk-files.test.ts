import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TestNode, testNode } from './testing.ts'

let running: TestNode
let unbuilt: TestNode
const folder = mkdtempSync('/tmp/postroad-desk-')
beforeAll(async () => {
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>desk</title>')
  writeFileSync(join(folder, 'assets', 'main-abc.js'), 'console.log(1)')
  writeFileSync(join(folder, 'assets', 'main-abc.js.br'), brotliCompressSync('console.log(1)'))
  writeFileSync(join(folder, '..', 'postroad-outside.txt'), 'secret')
  running = await testNode([], { deskFolder: folder })
  unbuilt = await testNode([], { deskFolder: join(folder, 'nowhere') })
})
afterAll(async () => {
  await running.stop()
  await unbuilt.stop()
  rmSync(folder, { recursive: true })
  rmSync(join(folder, '..', 'postroad-outside.txt'))
})

describe('the desk’s files', () => {
  it.each(['/', '/received', '/received/some-id?view=all'])('answer %s with the desk itself, asked for again each time', async (url) => {
    const answer = await running.server.inject(url)
    expect(answer.statusCode).toBe(200)
    expect(answer.body).toContain('<title>desk</title>')
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-cache', 'content-type': expect.stringContaining('text/html') })
    expect(answer.headers['content-security-policy']).toContain("script-src 'self'")
  })

  it('answer a page whose address ends like a file, when a browser asks for a page and not for a file', async () => {
    const accept = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
    expect((await running.server.inject({ url: '/received/some-id_wangchuan.party', headers: accept })).body).toContain('<title>desk</title>')
    expect((await running.server.inject({ url: '/received/some-id_wangchuan.party', headers: { accept: '*/*' } })).statusCode).toBe(404)
    expect((await running.server.inject({ url: '/assets/missing.js', headers: accept })).statusCode).toBe(404)
  })

  it('are kept for ever when their name carries a hash, and come compressed', async () => {
    const answer = await running.server.inject({ url: '/assets/main-abc.js', headers: { 'accept-encoding': 'br' } })
    expect(answer.headers).toMatchObject({ 'cache-control': 'public, max-age=31536000, immutable', 'content-encoding': 'br', 'content-type': expect.stringContaining('javascript') })
    expect((await running.server.inject('/assets/main-abc.js')).body).toBe('console.log(1)')
  })

  it.each(['/assets/missing.js', '/../postroad-outside.txt', '/%2e%2e/postroad-outside.txt', '/..%2fpostroad-outside.txt', '/assets/..%5c..%5cx.txt', '/.env'])('do not answer %s', async (url) => {
    const answer = await running.server.inject(url)
    expect(answer.statusCode).toBeGreaterThanOrEqual(400)
    expect(answer.body).not.toContain('secret')
    expect(answer.json()).toMatchObject({ error: { code: expect.stringMatching(/^kernel\./) } })
  })

  it('are not pages for what changes something, nor for the interface', async () => {
    expect((await running.server.inject({ method: 'POST', url: '/received' })).statusCode).toBe(404)
    expect((await running.server.inject('/api/nothing')).statusCode).toBe(404)
  })

  it('say so when the desk has not been built', async () => {
    expect((await unbuilt.server.inject('/')).body).toContain('工作台尚未构建')
  })
})
