/** The processes that may act without a person, each with its own rights in the row policies. */
export const SERVICES = ['road', 'directory', 'identity', 'keys', 'ledger', 'files', 'jobs', 'watch', 'backup', 'bootstrap'] as const
export type ServiceId = (typeof SERVICES)[number]

/** A post (岗位) that a person holds in an organ; duties are the permissions it carries. */
export type Post = { readonly id: string; readonly organ: string; readonly title: string; readonly duties: readonly string[] }

/** Who acts. Reading is with all current posts; an act is done as one of them (`acting`). */
export type PersonPrincipal = {
  readonly kind: 'person'
  readonly person: string
  readonly name: string
  readonly session: string
  readonly posts: readonly Post[]
  readonly acting: Post
  /** Organs whose rows may be read: those of the posts. */
  readonly organs: readonly string[]
  /** Highest label this person may read: 0 无, 1 内部, 2 工作秘密. */
  readonly clearance: number
}
export type ServicePrincipal = { readonly kind: 'service'; readonly service: ServiceId }
export type Principal = PersonPrincipal | ServicePrincipal

export const service = (id: ServiceId): ServicePrincipal => ({ kind: 'service', service: id })
