import { fileSize, nearDate } from '@postroad/desk/kit'
import type { Condition } from '@postroad/watch/model'
import { conditionWords } from '../words.ts'

/** Database, standby, key process, ledger, directory and this process, a line each. */
export function Machine({ condition }: { readonly condition: Condition }) {
  const { database, keyProcess, ledger, process, directory } = condition
  const count = directory.normal + directory.warn + directory.knownPartnersOnly
  const lines: readonly (readonly [string, string])[] = [
    [conditionWords.database, conditionWords.databaseFacts(fileSize(database.bytes), database.connections, database.mostConnections)],
    [conditionWords.transaction, conditionWords.seconds(database.oldestSeconds)],
    [conditionWords.standby, database.standbys.length === 0 ? conditionWords.noStandby : database.standbys.map(({ name, sync, lagSeconds }) => conditionWords.standbyFacts(name, sync, lagSeconds)).join('；')],
    [conditionWords.work, `${database.events} / ${database.jobs}`],
    [conditionWords.keyProcess, keyProcess.up ? conditionWords.keyProcessUp(keyProcess.open, keyProcess.organs) : conditionWords.keyProcessDown],
    [conditionWords.directory, directory.stale.length === 0 ? conditionWords.directoryGood(count) : conditionWords.directoryStale(directory.stale.map(({ title }) => title).join('、'), count - directory.normal)],
    [conditionWords.ledger, ledger === null ? conditionWords.ledgerNever : ledger.ok ? conditionWords.ledgerGood(nearDate(ledger.at), ledger.size) : conditionWords.ledgerBad(nearDate(ledger.at))],
    [conditionWords.process, conditionWords.processFacts(fileSize(process.residentBytes), process.loopDelayMs)],
  ]
  return (
    <section className="section" aria-label={conditionWords.machine}>
      <h2>{conditionWords.machine}</h2>
      <dl className="facts">{lines.map(([name, value]) => <div key={name} className="facts-line"><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
    </section>
  )
}
