import { ErrorPanel, useAct, useSession } from '@postroad/desk/kit'
import { Button, Input } from 'antd'
import { type FormEvent, useMemo, useState } from 'react'
import { placedTitle, useOrgans } from '../directory/organs.ts'
import { searchEntries } from '../directory/tree.ts'
import { saveAs } from '../received/files.tsx'
import type { DirectoryEntry } from '../terminal/port.ts'
import { useTerminal } from '../terminal/provider.tsx'
import { keyWords } from '../words.ts'

/** So many are offered; more letters find the rest. */
const AT_ONCE = 6

/** Before an organ ends, one of its holders gives its heir what opens its documents. An heir at another node gets it as a file. */
export function HandOverForm({ onDone }: { readonly onDone: () => void }) {
  const { terminal } = useTerminal()
  const { organ: own } = useSession().acting
  const organs = useOrgans()
  const [typed, setTyped] = useState('')
  const [heir, setHeir] = useState<DirectoryEntry | null>(null)
  const [given, setGiven] = useState<{ readonly file: Blob | null } | null>(null)
  const found = useMemo(() => searchEntries(organs.data ?? [], typed).filter((entry) => entry.organ !== own).slice(0, AT_ONCE), [organs.data, typed, own])
  const nodeOf = (organ: string) => organs.data?.find((entry) => entry.organ === organ)?.path.at(-1)?.id
  const act = useAct(async () => {
    if (heir === null) return
    const bequest = await terminal.call('handOverKeys', [heir.organ])
    setGiven({ file: nodeOf(heir.organ) === nodeOf(own) ? null : new Blob([JSON.stringify(bequest)], { type: 'application/json' }) })
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    act.start()
  }
  if (given !== null && heir !== null) {
    const { file } = given
    return (
      <>
        <p role="status">{keyWords.handedOver(heir.title)}</p>
        {file !== null && <><p className="quiet">{keyWords.handOverFile}</p><Button block onClick={() => saveAs(file, keyWords.handOverFileName(heir.title))}>{keyWords.handOverSave}</Button></>}
        <Button block onClick={onDone}>{keyWords.back}</Button>
      </>
    )
  }
  return (
    <form className="unlock" onSubmit={submit} noValidate>
      <h3>{keyWords.handOver}</h3>
      <p className="quiet">{keyWords.handOverHelp}</p>
      <Input allowClear aria-label={keyWords.heir} placeholder={keyWords.heir} value={typed} onChange={(event) => { setTyped(event.target.value); setHeir(null) }} />
      {heir === null
        ? typed.trim() !== '' && <ul aria-label={keyWords.heir}>{found.map((entry) => <li key={entry.organ}><button type="button" className="text-link" onClick={() => setHeir(entry)}>{placedTitle(entry)}</button></li>)}</ul>
        : <p>{placedTitle(heir)}</p>}
      <ErrorPanel thrown={act.thrown} lost="" onClose={act.forget} />
      <Button htmlType="submit" disabled={heir === null} loading={act.busy}>{keyWords.handOverDo}</Button>
      <Button type="text" onClick={onDone}>{keyWords.back}</Button>
    </form>
  )
}
