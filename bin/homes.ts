import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { demoHome, nodeHome, UsageFault } from './options.ts'

export type NodeHome = { readonly id: string; readonly home: string }

const nodeFile = z.object({ node: z.string() })

/** The nodes kept under a folder: the folder itself, or those of a demo. Without a folder: this node's home if there is one, else the demo's. */
export function nodeHomes(chosen: string | undefined): readonly NodeHome[] {
  for (const folder of chosen === undefined ? [nodeHome(undefined), demoHome(undefined)] : [chosen]) {
    const found = [folder, ...listFolders(join(folder, 'nodes'))].flatMap(asHome)
    if (found.length > 0) return found
  }
  throw new UsageFault(`没有找到节点数据${chosen === undefined ? '' : `：${chosen}`}（用 --home 指明）`)
}

function asHome(home: string): NodeHome[] {
  const file = join(home, 'keys', 'node.json')
  return existsSync(file) ? [{ id: nodeFile.parse(JSON.parse(readFileSync(file, 'utf8'))).node, home }] : []
}

const listFolders = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [])
