import { useQueryClient } from '@tanstack/react-query'
import { Input, type InputRef } from 'antd'
import { useRef, useState } from 'react'
import { useSearchParams } from 'react-router'
import { applications } from '../applications.ts'
import { api } from '../kit/api.ts'
import { ErrorPanel } from '../kit/error-panel.tsx'
import { useKeys } from '../kit/keyboard.tsx'
import { SESSION_KEY, useSession } from '../kit/session.tsx'
import { words } from '../words.ts'
import { NameMenu } from './name-menu.tsx'

/** 驿道 · office and post in force · search · standing signs of applications · the person. */
export function TopBar() {
  return (
    <header className="top">
      <span className="brand"><span className="seal" aria-hidden="true">{words.mark}</span><b>{words.product}</b></span>
      <PostSwitch />
      <Search />
      <span className="top-end">
        {applications.map(({ id, Status }) => (Status === undefined ? null : <Status key={id} />))}
        <NameMenu />
      </span>
    </header>
  )
}

/** People hold several posts: the one in force is always visible, and changed here. */
function PostSwitch() {
  const { posts, acting, node } = useSession()
  const client = useQueryClient()
  const [thrown, setThrown] = useState<unknown>(null)
  const change = (id: string) => {
    setThrown(null)
    api('/identity/acting-post', { method: 'POST', body: { post: id } }).then(() => client.invalidateQueries({ queryKey: SESSION_KEY }).then(() => client.invalidateQueries()), setThrown)
  }
  const name = (post: (typeof posts)[number]) => `${post.organTitle} · ${post.title}`
  return (
    <span className="office">
      <span className="quiet office-node">{node.title}</span>
      {posts.length < 2 ? <span>{name(acting)}</span> : (
        <select className="office-select" aria-label={words.actingAs} value={acting.id} onChange={(event) => change(event.target.value)}>
          {posts.map((post) => <option key={post.id} value={post.id}>{name(post)}</option>)}
        </select>
      )}
      {thrown !== null && <div className="office-fault"><ErrorPanel thrown={thrown} lost={words.switchFailed} onClose={() => setThrown(null)} /></div>}
    </span>
  )
}

/** Filters the list of the page through the address (`?q=`), so that a link carries it. */
function Search() {
  const [parameters, setParameters] = useSearchParams()
  const field = useRef<InputRef>(null)
  useKeys({ '/': () => field.current?.focus() })
  return (
    <Input
      ref={field} className="search" type="search" allowClear placeholder={`${words.search}（${words.searchKey}）`} aria-label={words.search} value={parameters.get('q') ?? ''}
      onChange={(event) => setParameters((before) => {
        const next = new URLSearchParams(before)
        if (event.target.value === '') next.delete('q')
        else next.set('q', event.target.value)
        return next
      }, { replace: true })}
    />
  )
}
