import type { Belongings, Name, World } from './world.ts'

/** A request in the shape that a route takes: what stands for each `:parameter`, the query, headers, and the body (JSON, or octets). */
export type Request = {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}
/** A request by bert of beta that names something of alpha's or gamma's. `status` 404 unless said otherwise. */
export type Trespass = Request & { readonly what: string; readonly status?: number; readonly code: string }

/** What a route takes and whom it must turn away. A route without a case fails the suite: whoever adds one says here who may do what. */
export type Case = {
  /** The duty it takes; null: anybody who has signed in; 'public': anybody at all. */
  readonly duty: string | null | 'public'
  /** A request that is right in every respect, by its owner. */
  readonly right: (own: Belongings) => Request
  readonly owner?: Name
  /** What the owner gets for it. Default 200. */
  readonly answer?: number
  /** Requests of another organ's person; or why there is nothing of anybody's to name. */
  readonly trespasses: string | ((own: Belongings) => readonly Trespass[])
  /** The body takes fields that nobody foresaw: why. */
  readonly open?: string
  /** The answer does not end by itself. */
  readonly endless?: true
}

const nothing = (): Request => ({})
const OWN_ONLY = 'answers with what is the reader’s own'
const WHOLE_NODE = 'auditors read the whole node’s ledger'
const OF_THE_NODE = 'whoever has the duty reorganises any organ of the node; every act takes a second person'
/** An order that cannot be carried out: there is no such organ. */
const abolish = { kind: 'abolish', basis: '某编发〔2026〕1号', on: '2026-11-23T00:00:00.000Z', organ: 'nobody', heirs: null, posts: [] }
const noAct = (): readonly Trespass[] => [{ what: 'an act that is not there', params: { id: unknown }, code: 'reorganisation.notFound' }]
const WHOLE_LINK = 'whoever lets bundles out answers for the node’s whole link'
const ofBundle = (): Request => ({ params: { link: 'hostile', number: '1' } })
/** Links are the node's, not an organ's: what there is to name is what is not there. */
const noBundle: readonly Trespass[] = [{ what: 'a bundle that is not there', params: { link: 'elsewhere', number: '7' }, code: 'road.noBundle' }]
const WHOLE_CENTRE = 'invitations are the centre’s, not an organ’s'
const EVERYBODY = 'the directory is for everybody who has signed in'
const unknown = '00000000-0000-4000-8000-000000000000'

/** The names under which a message may be asked for, and what bert gets for each. */
const foreignMessage = ({ message }: Belongings): readonly Trespass[] => [{ what: 'the message', params: { id: message, n: '0' }, code: 'documents.notFound' }]
const foreignDelivery = (own: Belongings): readonly Trespass[] => [
  ...foreignMessage(own),
  ...['gamma', 'alpha', 'beta'].map((organ): Trespass => ({ what: `the message as ${organ}’s`, params: { id: own.message, n: '0' }, query: { organ }, code: 'documents.notFound' })),
]
const ofMessage = ({ message }: Belongings): Request => ({ params: { id: message, n: '0' } })
const read = (trespasses: Case['trespasses'], owner: Name = 'anna'): Case => ({ duty: 'documents.read', right: ofMessage, trespasses, owner })

/** A receipt as a person's terminal would make it for a delivery to `recipient`; its seal is of something else. */
export function receiptBy(own: Belongings, by: Name, organ: string, recipient: string, change: Readonly<Record<string, unknown>> = {}): unknown {
  const { receipt, seal } = own.receipt
  const actor = { person: by, name: `某${by}`, post: `${by}.post`, organ, onBehalfOf: recipient === organ ? null : recipient }
  return { receipts: [{ receipt: { ...receipt, kind: 'signedFor', message: own.message, recipient, actor, ...change }, seal }] }
}
type Sender = { readonly organ: string; readonly name: string; readonly key: string }
const headOf = (own: Belongings): Record<string, unknown> => own.dispatch['head'] as Record<string, unknown>
const senderOf = (own: Belongings): Sender => headOf(own)['sender'] as Sender
/** anna's sealed dispatch, said to be beta's. */
const sentByBeta = (own: Belongings, head: Readonly<Record<string, unknown>> = {}, sender: Partial<Sender> = {}): Record<string, unknown> =>
  ({ ...own.dispatch, head: { ...headOf(own), sender: { organ: 'beta', name: 'beta.name', key: own.betaKeys.sign, ...sender }, ...head }, ownWrap: { ...(own.dispatch['ownWrap'] as object), key: own.betaKeys.encrypt } })
const tus = { 'tus-resumable': '1.0.0' }
const patch = { ...tus, 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' }
const noUpload = ({ upload }: Belongings): readonly Trespass[] => [{ what: 'the upload', params: { id: upload }, headers: tus, code: 'files.noUpload' }]
const prove = { attempt: unknown, clientKey: { signature: 'A'.repeat(86) } }

export const CASES: Readonly<Record<string, Case>> = {
  'GET /api/openapi.json': { duty: 'public', right: nothing, trespasses: 'a description of the interface' },
  'GET /api/directory/anchor': { duty: 'public', right: nothing, trespasses: 'a fingerprint to compare by eye' },
  'POST /api/identity/enrol': {
    duty: 'public', answer: 403, trespasses: 'a code is for whoever holds it',
    right: () => ({ body: { account: 'anna', code: 'AAAAA-AAAAA-AAAAA-AAAAA', password: '一句很长的口令九个字以上', publicKey: P256_POINT } }),
  },
  'POST /api/identity/sign-in': { duty: 'public', answer: 401, right: () => ({ body: { account: 'anna', password: '不是这一句口令吧' } }), trespasses: 'an account is for whoever knows its password' },
  'POST /api/identity/sign-in/prove': { duty: 'public', answer: 401, right: () => ({ body: prove }), trespasses: 'a challenge is for whoever holds the key' },

  'GET /api/kernel/events': { duty: null, right: nothing, trespasses: 'events name the organs that see them', endless: true },
  'GET /api/ledger/records': { duty: 'ledger.read', right: () => ({ query: { limit: '1' } }), trespasses: WHOLE_NODE },
  'GET /api/ledger/records/:index/proof': { duty: 'ledger.read', right: () => ({ params: { index: '0' } }), trespasses: WHOLE_NODE },
  'GET /api/ledger/checkpoints': { duty: 'ledger.read', right: nothing, trespasses: WHOLE_NODE },
  'GET /api/ledger/consistency': { duty: 'ledger.read', right: ({ checkpoint }) => ({ query: { from: String(checkpoint), to: String(checkpoint) } }), trespasses: WHOLE_NODE },
  'GET /api/ledger/verify': { duty: 'ledger.read', right: nothing, trespasses: WHOLE_NODE },
  'GET /api/ledger/export': { duty: 'ledger.read', right: nothing, trespasses: WHOLE_NODE },
  'GET /api/keys/process': { duty: null, right: nothing, trespasses: 'public keys to pin' },
  'POST /api/keys/relay': {
    duty: null, answer: 409, // the frame has been used
    right: ({ frame }) => ({ headers: { 'content-type': 'application/octet-stream' }, body: frame }),
    trespasses: ({ frame }) => [{ what: 'a frame of another’s channel', headers: { 'content-type': 'application/octet-stream' }, body: frame, status: 409, code: 'keys.notOpen' }],
  },
  'GET /api/console/members': { duty: 'directory.admit', right: nothing, trespasses: WHOLE_CENTRE },
  'POST /api/console/invitations': {
    duty: 'directory.admit', answer: 409, trespasses: WHOLE_CENTRE, // a node that is there already: nobody is invited
    right: () => ({ body: { node: 'hostile', title: '新节点', level: 'department', region: '320000', regionTitle: '江源省', maxLabel: 0 } }),
  },
  'POST /api/console/invitations/:id/approve': { duty: 'directory.admit', answer: 404, right: () => ({ params: { id: unknown }, body: { fingerprint: 'ab'.repeat(32) } }), trespasses: () => [{ what: 'an invitation that is not there', params: { id: unknown }, body: { fingerprint: 'ab'.repeat(32) }, code: 'directory.noInvitation' }] },
  'POST /api/console/invitations/:id/refuse': { duty: 'directory.admit', answer: 404, right: () => ({ params: { id: unknown }, body: { reason: '未列入计划' } }), trespasses: () => [{ what: 'an invitation that is not there', params: { id: unknown }, body: { reason: '未列入计划' }, code: 'directory.noInvitation' }] },
  'POST /api/console/invitations/:id/withdraw': { duty: 'directory.admit', answer: 404, right: () => ({ params: { id: unknown }, body: { reason: '不再需要' } }), trespasses: () => [{ what: 'an invitation that is not there', params: { id: unknown }, body: { reason: '不再需要' }, code: 'directory.noInvitation' }] },
  'POST /api/console/members/:node/block': { duty: 'directory.admit', answer: 404, right: () => ({ params: { node: 'nobody' }, body: { reason: '密钥泄露', compromisedSince: null } }), trespasses: () => [{ what: 'a node that is not below', params: { node: 'hostile' }, body: { reason: '密钥泄露', compromisedSince: null }, code: 'directory.notBelow' }] },
  'POST /api/console/members/:node/unblock': { duty: 'directory.admit', answer: 404, right: () => ({ params: { node: 'nobody' }, body: { reason: '已更换密钥' } }), trespasses: () => [{ what: 'a node that is not below', params: { node: 'hostile' }, body: { reason: '已更换密钥' }, code: 'directory.notBelow' }] },
  'POST /api/console/members/:node/close': { duty: 'directory.admit', answer: 404, right: () => ({ params: { node: 'nobody' }, body: { reason: '并入县中心' } }), trespasses: () => [{ what: 'a node that is not its own', params: { node: 'hostile' }, body: { reason: '并入县中心' }, code: 'directory.notBelow' }] },
  'POST /api/console/members/:node/keep': { duty: 'directory.admit', answer: 404, right: () => ({ params: { node: 'nobody' }, body: { reason: '计划有变' } }), trespasses: () => [{ what: 'a node that is not its own', params: { node: 'hostile' }, body: { reason: '计划有变' }, code: 'directory.notBelow' }] },
  'POST /api/console/members/:node/dismiss': { duty: 'directory.admit', answer: 404, right: () => ({ params: { node: 'nobody' }, body: { reason: '并入县中心', forced: true } }), trespasses: () => [{ what: 'a node that is not its own', params: { node: 'hostile' }, body: { reason: '并入县中心', forced: true }, code: 'directory.notBelow' }] },
  'POST /api/console/members/farewell': { duty: 'directory.admit', answer: 409, right: nothing, trespasses: WHOLE_CENTRE }, // a node that is not leaving
  'GET /api/console/bundles': { duty: 'road.watch', right: nothing, trespasses: WHOLE_LINK },
  'GET /api/console/bundles/:link/:number': { duty: 'road.watch', right: ofBundle, answer: 404, trespasses: () => noBundle },
  'GET /api/console/condition': { duty: 'console.watch', right: nothing, trespasses: 'operators see how the whole node is doing, in counts' },
  'POST /api/console/alarms/:id/seen': { duty: 'console.watch', answer: 404, right: () => ({ params: { id: unknown }, body: { note: '正在处理' } }), trespasses: () => [{ what: 'an alarm that is none', params: { id: unknown }, body: { note: '正在处理' }, code: 'watch.noAlarm' }] },
  'POST /api/road/bundles': { duty: 'road.bundle', right: () => ({ body: { link: 'hostile' } }), answer: 409, trespasses: WHOLE_LINK }, // a link that no bundle carries
  'POST /api/road/bundles/:link/:number/release': { duty: 'road.release', right: () => ({ ...ofBundle(), body: {} }), answer: 404, trespasses: () => noBundle.map((one) => ({ ...one, body: {} })) },
  'POST /api/road/bundles/:link/:number/withdraw': { duty: 'road.release', right: () => ({ ...ofBundle(), body: {} }), answer: 404, trespasses: () => noBundle.map((one) => ({ ...one, body: {} })) },
  'POST /api/road/held/:link/:shipment/end': { duty: 'road.release', right: () => ({ params: { link: 'hostile', shipment: 'A'.repeat(43) }, body: {} }), answer: 409, // a link that no bundle carries
    trespasses: () => [{ what: 'a shipment of a link that is not there', params: { link: 'elsewhere', shipment: 'B'.repeat(43) }, body: {}, status: 409, code: 'road.notByBundle' }] },
  'GET /api/directory/tree': { duty: null, right: nothing, trespasses: EVERYBODY },
  'GET /api/directory/search': { duty: null, right: () => ({ query: { q: '甲' } }), trespasses: EVERYBODY },
  'GET /api/directory/logs': { duty: null, right: nothing, trespasses: EVERYBODY },
  'GET /api/directory/health': { duty: null, right: nothing, trespasses: EVERYBODY },
  'GET /api/directory/misbehaviour': { duty: 'ledger.read', right: nothing, trespasses: WHOLE_NODE },

  'GET /api/identity/session': { duty: null, right: nothing, trespasses: OWN_ONLY },
  'GET /api/identity/sessions': { duty: null, right: nothing, trespasses: OWN_ONLY },
  'GET /api/identity/keys': { duty: null, right: nothing, trespasses: OWN_ONLY },
  'GET /api/identity/colleagues': {
    duty: null, right: () => ({ query: { organ: 'alpha' } }),
    trespasses: () => [{ what: 'another organ', query: { organ: 'alpha' }, code: 'kernel.notFound' }],
  },
  'POST /api/identity/acting-post': {
    duty: null, right: () => ({ body: { post: 'anna.post' } }),
    trespasses: () => [{ what: 'another’s post', body: { post: 'anna.post' }, code: 'identity.notYourPost' }],
  },
  'POST /api/identity/step-up': { duty: null, right: nothing, trespasses: OWN_ONLY },
  'POST /api/identity/step-up/prove': { duty: null, answer: 403, right: () => ({ body: prove }), trespasses: 'a challenge of another session: a test of its own' },
  'POST /api/identity/passkeys/options': { duty: null, right: nothing, trespasses: OWN_ONLY },
  'POST /api/identity/passkeys': { duty: null, answer: 422, right: () => ({ body: { id: 'x' } }), trespasses: OWN_ONLY, open: 'what an authenticator says is checked by the WebAuthn library' },
  'POST /api/identity/codes/device': { duty: null, right: nothing, trespasses: OWN_ONLY },
  'POST /api/identity/people/:person/code': {
    duty: 'identity.manage', right: () => ({ params: { person: 'dora' } }),
    trespasses: () => [{ what: 'a person of another organ', params: { person: 'anna' }, code: 'identity.notYourPerson' }],
  },
  'DELETE /api/identity/keys/:id': {
    duty: null, answer: 409, // the last key stays
    right: ({ key }) => ({ params: { id: key } }),
    trespasses: ({ key }) => [{ what: 'another’s key', params: { id: key }, code: 'identity.notYourKey' }],
  },
  'DELETE /api/identity/sessions/:id': {
    duty: null, answer: 204, right: ({ session }) => ({ params: { id: session } }),
    trespasses: ({ session }) => [{ what: 'another’s session', params: { id: session }, code: 'identity.notYourSession' }],
  },

  'POST /api/files/uploads': { duty: null, answer: 201, right: () => ({ headers: { ...tus, 'upload-length': '10' } }), trespasses: OWN_ONLY },
  'HEAD /api/files/uploads/:id': { duty: null, right: ({ upload }) => ({ params: { id: upload }, headers: tus }), trespasses: noUpload },
  'PATCH /api/files/uploads/:id': {
    duty: null, answer: 204, right: ({ upload }) => ({ params: { id: upload }, headers: patch, body: Buffer.alloc(10) }),
    trespasses: ({ upload }) => [{ what: 'the upload', params: { id: upload }, headers: patch, body: Buffer.alloc(10), code: 'files.noUpload' }],
  },
  'DELETE /api/files/uploads/:id': { duty: null, answer: 204, right: ({ upload }) => ({ params: { id: upload }, headers: tus }), trespasses: noUpload },

  'GET /api/documents/todo': { duty: 'documents.read', right: nothing, trespasses: OWN_ONLY },
  'GET /api/documents/threads/:thread': {
    duty: 'documents.read', right: ({ message }) => ({ params: { thread: message } }),
    trespasses: ({ message }) => [{ what: 'a thread of others', params: { thread: message }, code: 'documents.notFound' }],
  },
  'GET /api/documents/lists': { duty: 'documents.send', right: nothing, trespasses: 'answers with one’s own and what is shared on the node' },
  'POST /api/documents/lists': {
    duty: 'documents.send', answer: 409, right: () => ({ body: { list: unknown, version: 700, shared: false, // a version that nobody has: nothing is stored
      title: '各县委', members: [{ organ: 'gamma', name: 'gamma.name', role: 'to' }], ended: false } }),
    trespasses: () => [{ what: 'a list for the whole node without the duty', body: { list: unknown, version: 1, shared: true, title: '各县委', members: [], ended: false }, status: 403, code: 'documents.dutyMissing' }],
  },
  'GET /api/documents/received': { duty: 'documents.read', right: () => ({ query: { view: 'all' } }), trespasses: OWN_ONLY },
  'GET /api/documents/arrivals': { duty: 'documents.read', right: nothing, trespasses: OWN_ONLY },
  'GET /api/documents/received/:id': read(foreignDelivery, 'carl'),
  'GET /api/documents/received/:id/chunks/:n': read(foreignDelivery, 'carl'),
  'GET /api/documents/received/:id/evidence': read(foreignDelivery, 'carl'),
  'POST /api/documents/received/receipts': {
    duty: 'documents.read', owner: 'carl', answer: 422, // the seal is of something else
    right: (own) => ({ body: receiptBy(own, 'carl', 'gamma', 'gamma') }),
    trespasses: (own) => [
      { what: 'the message as one’s own', body: receiptBy(own, 'bert', 'beta', 'beta'), code: 'documents.notFound' },
      { what: 'the delivery, as a deputy', body: receiptBy(own, 'bert', 'beta', 'gamma'), status: 403, code: 'documents.deputyNotAuthorised' },
      { what: 'another person’s name', body: receiptBy(own, 'carl', 'gamma', 'gamma'), status: 403, code: 'documents.actorNotYou' },
    ],
  },
  'GET /api/documents/sent': { duty: 'documents.read', right: nothing, trespasses: OWN_ONLY },
  'GET /api/documents/sent/:id': read(foreignMessage),
  'GET /api/documents/sent/:id/track': read(foreignMessage),
  'GET /api/documents/sent/:id/board': read(foreignMessage),
  'GET /api/documents/sent/:id/board/:organ': {
    duty: 'documents.read', owner: 'anna', right: ({ message }) => ({ params: { id: message, organ: 'gamma' } }),
    trespasses: ({ message }) => [{ what: 'the message', params: { id: message, organ: 'gamma' }, code: 'documents.notFound' }],
  },
  'GET /api/documents/sent/:id/chunks/:n': read(foreignMessage),
  'GET /api/documents/sent/:id/evidence': read(foreignMessage),
  'POST /api/documents/dispatches': {
    duty: 'documents.send', right: ({ dispatch }) => ({ body: dispatch }),
    trespasses: (own) => [
      { what: 'another organ as sender', body: own.dispatch, status: 403, code: 'road.notYourOrgan' },
      { what: 'another organ’s issuing name', body: sentByBeta(own, {}, { name: 'alpha.name' }), status: 422, code: 'road.nameNotHeld' },
      { what: 'another organ’s key', body: sentByBeta(own, {}, { key: senderOf(own).key }), status: 422, code: 'road.wrongSigner' },
      { what: 'another’s upload', body: { ...sentByBeta(own), inlineBody: null, uploadId: own.upload }, code: 'files.noUpload' },
      { what: 'a message to void', body: sentByBeta(own, { kind: 'voidNotice', regarding: own.message, thread: own.message, ordinal: 1 }), status: 422, code: 'road.regardingUnknown' },
      { what: 'a message to recall', body: sentByBeta(own, { kind: 'recallRequest', regarding: own.message, thread: own.message, ordinal: 1 }), status: 422, code: 'road.regardingUnknown' },
    ],
  },
  'POST /api/documents/dispatches/together': { duty: 'documents.send', right: ({ dispatch }) => ({ body: { dispatches: [dispatch] } }), trespasses: 'each is refused by itself: a test of its own' },
  'POST /api/reorganisation/plan': { duty: 'directory.reorganise', answer: 422, right: () => ({ body: { order: abolish } }), trespasses: OF_THE_NODE },
  'GET /api/reorganisation/organs': { duty: 'directory.reorganise', right: nothing, trespasses: OF_THE_NODE },
  'GET /api/reorganisation/acts': { duty: 'directory.reorganise', right: nothing, trespasses: OF_THE_NODE },
  'POST /api/reorganisation/acts': { duty: 'directory.reorganise', answer: 422, right: () => ({ body: { order: abolish } }), trespasses: OF_THE_NODE },
  'POST /api/reorganisation/acts/:id/approve': { duty: 'directory.reorganise', answer: 404, right: () => ({ params: { id: unknown } }), trespasses: noAct },
  'POST /api/reorganisation/acts/:id/withdraw': { duty: 'directory.reorganise', answer: 404, right: () => ({ params: { id: unknown } }), trespasses: noAct },
  'POST /api/reorganisation/bequests': {
    duty: 'directory.reorganise', answer: 404, trespasses: 'it opens for nobody but the heir whose key it is sealed to',
    right: () => ({ body: { v: 1, from: 'elsewhere', to: 'nobody', person: 'anna', at: '2026-11-23T00:00:00.000Z', heirKey: 'nobody.encrypt', wrap: 'AA', keys: [] } }),
  },
  'POST /api/identity/sign-out': { duty: null, answer: 204, right: nothing, trespasses: OWN_ONLY },
}

/** The base point of P-256, uncompressed: a public key that is one. */
const P256_POINT = 'BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU'

/** Routes that answer before anybody has signed in. Each was looked at: what it tells is meant for strangers, what it does proves itself. */
export const PUBLIC = ['GET /api/openapi.json', 'GET /api/directory/anchor', 'POST /api/identity/enrol', 'POST /api/identity/sign-in', 'POST /api/identity/sign-in/prove']
/** Addresses outside /api: the desk's files. */
export const OUTSIDE = ['GET /*', 'HEAD /*']

/** A HEAD that the server adds to a GET is the GET without its body. */
export function caseOf(key: string): Case | undefined {
  return CASES[key] ?? (key.startsWith('HEAD ') ? CASES[key.replace('HEAD', 'GET')] : undefined)
}

/** The address of a request to a route. */
export function pathOf(url: string, { params = {}, query = {} }: Request): string {
  const path = url.replace(/:(\w+)/g, (_whole, name: string) => encodeURIComponent(params[name] ?? unknown))
  const search = new URLSearchParams(query).toString()
  return search === '' ? path : `${path}?${search}`
}

/** Body and type of a request as they go over the line. */
export function payloadOf({ body, headers = {} }: Request): { readonly body?: string | Uint8Array; readonly headers: Readonly<Record<string, string>> } {
  if (body === undefined) return { headers }
  return body instanceof Uint8Array ? { body, headers } : { body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } }
}

/** Refused requests in the ledger, oldest first, without the ledger's own counts. */
export const refusalsIn = (world: World, after: string): Promise<{ id: string; act: string; person: string; object: string }[]> =>
  world.sql(`select id, leaf ->> 'act' as act, leaf #>> '{actor,id}' as person, leaf ->> 'object' as object from ledger.record
    where leaf ->> 'outcome' = 'refused' and leaf ->> 'act' <> 'ledger.suppressed' and id > $1::uuid order by id`, [after])
