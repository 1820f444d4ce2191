import { receivedWords } from '../words.ts'

type Content = { readonly number: string; readonly printedTo: string; readonly printedCc: string; readonly note: string }

/** What stands printed on the document; nothing of what is empty, or cannot be read yet. */
export function ContentFacts({ content }: { readonly content: Content | null }) {
  if (content === null) return null
  return (
    <>
      {content.number !== '' && <><dt>{receivedWords.number}</dt><dd>{content.number}</dd></>}
      {content.printedTo !== '' && <><dt>{receivedWords.printedTo}</dt><dd>{content.printedTo}</dd></>}
      {content.printedCc !== '' && <><dt>{receivedWords.printedCc}</dt><dd>{content.printedCc}</dd></>}
      {content.note !== '' && <><dt>{receivedWords.note}</dt><dd className="note">{content.note}</dd></>}
    </>
  )
}
