import { createInterface } from 'node:readline/promises'
import { UsageFault } from '../options.ts'
import { print } from '../print.ts'

/** One thing to know: given on the command line, or asked for where somebody sits at the terminal. */
export type Question = { readonly flag: string; readonly words: string; readonly usual?: string; fault?(answer: string): string | null }
export type Ask = (question: Question, given: string | undefined) => Promise<string>

/** Asks at the terminal; without one, what has no usual answer must be given as a flag. */
export function openQuestions(): { readonly ask: Ask; askLines(words: string): Promise<string>; close(): void } {
  const isTerminal = process.stdin.isTTY === true
  const lines = isTerminal ? createInterface({ input: process.stdin, output: process.stdout }) : null
  return {
    async ask({ flag, words, usual, fault }, given) {
      for (let answer = given; ; answer = undefined) {
        if (answer === undefined && lines === null && usual === undefined) throw new UsageFault(`缺少 --${flag}（${words}）`)
        const said = (answer ?? (lines === null ? '' : await lines.question(`${words}${usual === undefined ? '' : `（直接回车：${usual}）`}：`))).trim() || (usual ?? '')
        const wrong = said === '' ? '不能为空' : (fault?.(said) ?? null)
        if (wrong === null) return said
        if (answer !== undefined || lines === null) throw new UsageFault(`--${flag}：${wrong}`)
        print(`  ${wrong}`)
      }
    },
    async askLines(words) {
      if (lines === null) throw new UsageFault('缺少加入码')
      print(words)
      const read: string[] = []
      for (let line = await lines.question('  '); line.trim() !== ''; line = await lines.question('  ')) read.push(line)
      return read.join('\n')
    },
    close: () => lines?.close(),
  }
}
