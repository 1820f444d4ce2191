import { describe, expect, it } from 'vitest'
import { codeFrom, cookieName, isLive, isStrongPassword, networkOf, normaliseCode } from './model.ts'

describe('a password', () => {
  it.each(['short', '一二三四五六七', 'aaaaaaaaaaaa', '1234567890', 'Password123', 'qwertyuiop12', 'p@ssw0rd2026', 'wang.jianguo-2026', '王建国的驿道口令好'])('%s is too weak for wang', (password) =>
    expect(isStrongPassword(password, 'wang', '王建国')).toBe(false))
  it.each(['春江潮水连海平海上明月', 'correct horse battery', 'Tq7-vk2p-Rw', '9152830467'])('%s will do', (password) => expect(isStrongPassword(password, 'wang', '王建国')).toBe(true))
})

describe('a one-time code', () => {
  it('has twenty letters that are hard to confuse and can be typed in any case', () => {
    const code = codeFrom(crypto.getRandomValues(new Uint8Array(20)))
    expect(code).toMatch(/^[2-9A-HJ-NP-Z]{5}(-[2-9A-HJ-NP-Z]{5}){3}$/)
    expect(normaliseCode(` ${code.toLowerCase().replaceAll('-', ' ')}`)).toBe(code.replaceAll('-', ''))
  })
})

describe('a session', () => {
  const at = (minutes: number) => new Date(Date.UTC(2026, 5, 1, 1, minutes))
  it.each([
    [0, 0, 29, true],
    [0, 0, 30, false],
    [0, 590, 599, true],
    [0, 599, 600, false],
  ])('made at %i and used at %i is live at %i: %s', (created, used, now, live) => expect(isLive({ created: at(created), used: at(used), ended: null }, at(now))).toBe(live))
  it('that ended is not live', () => expect(isLive({ created: at(0), used: at(0), ended: at(0) }, at(0))).toBe(false))
})

describe('names', () => {
  it.each([
    ['https://yidao.example', '__Host-postroad_session'],
    ['http://localhost:8081', 'postroad_session_8081'],
    ['http://localhost', 'postroad_session'],
  ])('the cookie of %s is %s', (origin, name) => expect(cookieName(origin)).toBe(name))
  it.each([
    ['10.0.0.7', '10.0.0.7'],
    ['::ffff:10.0.0.7', '10.0.0.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('%s counts as %s', (address, network) => expect(networkOf(address)).toBe(network))
})
