import type { Tx } from '@postroad/kernel/database'
import type { Post } from '@postroad/kernel/principal'
import { sql } from 'kysely'

export type Person = { readonly id: string; readonly account: string; readonly name: string; readonly clearance: number; readonly active: boolean }
export type Key = { readonly id: string; readonly kind: 'clientKey' | 'passkey'; readonly publicKey: Buffer; readonly passkey: string | null; readonly transports: string[]; readonly counter: number; readonly created: Date; readonly used: Date | null }
export type Session = {
  readonly id: string
  readonly person: string
  readonly acting: string
  readonly network: string
  readonly agent: string
  readonly created: Date
  readonly used: Date
  readonly proven: Date
  readonly ended: Date | null
}
export type Challenge = { readonly id: string; readonly person: string; readonly purpose: 'signIn' | 'stepUp' | 'passkey'; readonly session: string | null; readonly value: Buffer; readonly expires: Date }
export type Purpose = 'account' | 'device'

const PERSON = sql`person.id, person.account, person.name, person.clearance, person.active`
const SESSION = sql`session.id, session.person, session.acting, session.network, session.agent, session.created, session.used, session.proven, session.ended`

// people and posts

/** False where the person is there already. */
export async function insertPerson(tx: Tx, person: Omit<Person, 'active'>, created: Date): Promise<boolean> {
  const { numAffectedRows } = await sql`insert into identity.person (id, account, name, clearance, created)
    values (${person.id}, ${person.account}, ${person.name}, ${person.clearance}, ${created}) on conflict (id) do nothing`.execute(tx)
  return numAffectedRows === 1n
}

export async function insertPost(tx: Tx, person: string, post: Post, from: Date): Promise<void> {
  await sql`insert into identity.post (person, id, organ, title, duties, valid_from)
    values (${person}, ${post.id}, ${post.organ}, ${post.title}, ${[...post.duties]}, ${from})`.execute(tx)
}

/** Posts held in an organ now. */
export async function postsIn(tx: Tx, organ: string, at: Date): Promise<readonly (Post & { readonly person: string })[]> {
  const { rows } = await sql<Post & { person: string }>`select person, id, organ, title, duties from identity.post
    where organ = ${organ} and valid_from <= ${at} and (valid_until is null or valid_until > ${at}) order by person, id`.execute(tx)
  return rows
}

/** A post ends; the row stays. */
export async function endPost(tx: Tx, person: string, id: string, at: Date): Promise<void> {
  await sql`update identity.post set valid_until = ${at} where person = ${person} and id = ${id} and valid_from < ${at} and (valid_until is null or valid_until > ${at})`.execute(tx)
}

export async function findPerson(tx: Tx, by: { readonly id: string } | { readonly account: string }): Promise<Person | null> {
  const where = 'id' in by ? sql`id = ${by.id}` : sql`account = ${by.account.toLowerCase()}`
  const { rows } = await sql<Person>`select ${PERSON} from identity.person where ${where} and active`.execute(tx)
  return rows[0] ?? null
}

export async function postsOf(tx: Tx, person: string, at: Date): Promise<readonly Post[]> {
  const { rows } = await sql<Post>`select id, organ, title, duties from identity.post
    where person = ${person} and valid_from <= ${at} and (valid_until is null or valid_until > ${at}) order by valid_from, id`.execute(tx)
  return rows
}

export async function peopleOf(tx: Tx, organ: string, at: Date): Promise<readonly { id: string; name: string; posts: string[] }[]> {
  const { rows } = await sql<{ id: string; name: string; posts: string[] }>`select person.id, person.name, array_agg(post.title order by post.id) as posts
    from identity.post join identity.person on person.id = post.person
    where post.organ = ${organ} and active and valid_from <= ${at} and (valid_until is null or valid_until > ${at}) group by person.id, person.name order by person.id`.execute(tx)
  return rows
}

export async function namesOf(tx: Tx, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { rows } = await sql<{ id: string; name: string }>`select id, name from identity.person where id = any(${[...ids]})`.execute(tx)
  return new Map(rows.map(({ id, name }) => [id, name]))
}

// credentials

export async function passwordOf(tx: Tx, person: string): Promise<string | null> {
  const { rows } = await sql<{ password: string }>`select password from identity.credential where person = ${person} and kind = 'password' and revoked is null`.execute(tx)
  return rows[0]?.password ?? null
}

export async function insertPassword(tx: Tx, id: string, person: string, password: string, created: Date): Promise<void> {
  await sql`insert into identity.credential (id, person, kind, password, created) values (${id}, ${person}, 'password', ${password}, ${created})`.execute(tx)
}

type NewKey = { readonly id: string; readonly kind: 'clientKey' | 'passkey'; readonly publicKey: Uint8Array; readonly passkey: string | null; readonly transports: readonly string[]; readonly counter: number }
/** False where this passkey is registered already, by whomever. */
export async function insertKey(tx: Tx, person: string, key: NewKey, created: Date): Promise<boolean> {
  const { numAffectedRows } = await sql`insert into identity.credential (id, person, kind, public_key, passkey, transports, counter, created)
    values (${key.id}, ${person}, ${key.kind}, ${Buffer.from(key.publicKey)}, ${key.passkey}, ${[...key.transports]}, ${key.counter}, ${created}) on conflict (passkey) do nothing`.execute(tx)
  return numAffectedRows === 1n
}

export async function keysOf(tx: Tx, person: string): Promise<readonly Key[]> {
  const { rows } = await sql<Key>`select id, kind, public_key as "publicKey", passkey, transports, counter::int as counter, created, used
    from identity.credential where person = ${person} and kind <> 'password' and revoked is null order by created, id`.execute(tx)
  return rows
}

export async function markKeyUsed(tx: Tx, id: string, counter: number, at: Date): Promise<void> {
  await sql`update identity.credential set counter = ${counter}, used = ${at} where id = ${id}`.execute(tx)
}

export async function revokeCredentials(tx: Tx, person: string, at: Date, only: string | null): Promise<number> {
  const { numAffectedRows } = await sql`update identity.credential set revoked = ${at} where person = ${person} and revoked is null and (${only}::uuid is null or id = ${only}::uuid)`.execute(tx)
  return Number(numAffectedRows ?? 0n)
}

// one-time codes

export async function insertEnrolment(tx: Tx, row: { id: string; person: string; purpose: Purpose; codeHash: Buffer; issuedBy: string; created: Date; expires: Date }): Promise<void> {
  await sql`update identity.enrolment set used = ${row.created} where person = ${row.person} and purpose = ${row.purpose} and used is null`.execute(tx)
  await sql`insert into identity.enrolment (id, person, purpose, code_hash, issued_by, created, expires)
    values (${row.id}, ${row.person}, ${row.purpose}, ${row.codeHash}, ${row.issuedBy}, ${row.created}, ${row.expires})`.execute(tx)
}

/** What a code that can still be used is for; the row stays locked until the transaction ends. */
export async function lockEnrolment(tx: Tx, account: string, codeHash: Buffer, now: Date): Promise<(Person & { readonly enrolment: string; readonly purpose: Purpose }) | null> {
  const { rows } = await sql<Person & { enrolment: string; purpose: Purpose }>`select ${PERSON}, enrolment.id as enrolment, enrolment.purpose
    from identity.enrolment join identity.person on person.id = enrolment.person
    where code_hash = ${codeHash} and account = ${account.toLowerCase()} and active and used is null and expires > ${now} for update of enrolment`.execute(tx)
  return rows[0] ?? null
}

export async function useEnrolment(tx: Tx, id: string, at: Date): Promise<void> {
  await sql`update identity.enrolment set used = ${at} where id = ${id}`.execute(tx)
}

// challenges

export async function insertChallenge(tx: Tx, { id, person, purpose, session, value, expires }: Challenge): Promise<void> {
  await sql`insert into identity.challenge (id, person, purpose, session, value, expires) values (${id}, ${person}, ${purpose}, ${session}, ${value}, ${expires})`.execute(tx)
}

/** Takes a challenge away for its one use, be it right or wrong. `session`: whose it must be (null: made before there was one), so that nobody uses up another's; without an id the newest. */
export async function takeChallenge(tx: Tx, purpose: Challenge['purpose'], by: { readonly id?: string; readonly session: string | null }, now: Date): Promise<Challenge | null> {
  const where = sql`session is not distinct from ${by.session}::uuid and (${by.id ?? null}::uuid is null or id = ${by.id ?? null}::uuid)`
  const { rows } = await sql<Challenge>`delete from identity.challenge where purpose = ${purpose} and ${where} returning id, person, purpose, session, value, expires`.execute(tx)
  return rows.filter(({ expires }) => expires > now).toSorted((a, b) => b.expires.getTime() - a.expires.getTime())[0] ?? null
}

export async function deleteChallenges(tx: Tx, before: Date): Promise<void> {
  await sql`delete from identity.challenge where expires < ${before}`.execute(tx)
}

export async function deleteThrottles(tx: Tx, before: number): Promise<void> {
  await sql`delete from identity.throttle where expire < ${before}`.execute(tx)
}

// sessions

export async function insertSession(tx: Tx, row: Omit<Session, 'ended'> & { readonly tokenHash: Buffer }): Promise<void> {
  await sql`insert into identity.session (id, person, token_hash, acting, network, agent, created, used, proven)
    values (${row.id}, ${row.person}, ${row.tokenHash}, ${row.acting}, ${row.network}, ${row.agent}, ${row.created}, ${row.used}, ${row.proven})`.execute(tx)
}

/** Session, person and current posts of a token in one question. */
export async function findByToken(tx: Tx, tokenHash: Buffer, now: Date): Promise<{ readonly session: Session; readonly person: Person; readonly posts: readonly Post[] } | null> {
  const { rows } = await sql<{ session: Session; person: Person; posts: Post[] | null }>`select
      (select json_agg(json_build_object('id', post.id, 'organ', post.organ, 'title', post.title, 'duties', post.duties) order by valid_from, post.id) from identity.post
        where post.person = held.person and valid_from <= ${now} and (valid_until is null or valid_until > ${now})) as posts,
      to_json(holder) as person, to_json(held) as session
    from (select ${SESSION} from identity.session where token_hash = ${tokenHash}) as held
    join lateral (select ${PERSON} from identity.person where person.id = held.person) as holder on true where holder.active`.execute(tx)
  const row = rows[0]
  return row === undefined ? null : { session: dated(row.session), person: row.person, posts: row.posts ?? [] }
}

// inside JSON, times are text
function dated(session: Session): Session {
  const { created, used, proven, ended } = session
  return { ...session, created: new Date(created), used: new Date(used), proven: new Date(proven), ended: ended === null ? null : new Date(ended) }
}

export async function sessionsOf(tx: Tx, person: string): Promise<readonly Session[]> {
  const { rows } = await sql<Session>`select ${SESSION} from identity.session where person = ${person} and ended is null order by used desc`.execute(tx)
  return rows
}

export async function findSession(tx: Tx, id: string): Promise<Session | null> {
  const { rows } = await sql<Session>`select ${SESSION} from identity.session where id = ${id}`.execute(tx)
  return rows[0] ?? null
}

export async function touchSession(tx: Tx, id: string, at: Date): Promise<void> {
  await sql`update identity.session set used = ${at} where id = ${id}`.execute(tx)
}

export async function rotateSession(tx: Tx, id: string, tokenHash: Buffer, at: Date): Promise<void> {
  await sql`update identity.session set token_hash = ${tokenHash}, proven = ${at}, used = ${at} where id = ${id} and ended is null`.execute(tx)
}

export async function setActing(tx: Tx, id: string, post: string): Promise<void> {
  await sql`update identity.session set acting = ${post} where id = ${id} and ended is null`.execute(tx)
}

/** Ends sessions of a person, one or all; answers the ids of those that were live. */
export async function endSessions(tx: Tx, person: string, only: string | null, reason: string, at: Date): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`update identity.session set ended = ${at}, reason = ${reason}
    where person = ${person} and ended is null and (${only}::uuid is null or id = ${only}::uuid) returning id`.execute(tx)
  return rows.map(({ id }) => id)
}
