import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import ts from 'typescript'
import { DECIDERS, deciderOf } from '../../machines/code-causes.ts'
import { policyKeeperDefaults } from '../../machines/policy-keeper.ts'
import { CODES } from '../../machines/codes.ts'
import { FILE_CODES } from '../../machines/file-codes.ts'
import { linkKeeperDefaults } from '../../machines/link-keeper-context.ts'
import { peerConnectionMachine } from '../../machines/peer-connection.ts'
import { verifyPingsDefaults } from '../../machines/verify-pings.ts'
import { listenerDefinition } from '../../actors/listener/index.ts'
import { peerConnectionDefinition } from '../../actors/peer-connection/index.ts'

const root = join(import.meta.dirname, '../..')
const docs = readFileSync(join(root, 'docs/codes.md'), 'utf8')
const CODE = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/

const files = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true }).map(name => join(folder, String(name))).filter(name => name.endsWith('.ts'))

function each(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node)
  ts.forEachChild(node, child => each(child, look))
}

/** Strings that an expression may come to, as far as it says. */
function strings(node: ts.Expression | ts.TypeNode): string[] {
  if (ts.isStringLiteral(node)) return [node.text]
  if (ts.isLiteralTypeNode(node) && ts.isStringLiteral(node.literal)) return [node.literal.text]
  if (ts.isUnionTypeNode(node)) return node.types.flatMap(strings)
  if (ts.isConditionalExpression(node)) return [...strings(node.whenTrue), ...strings(node.whenFalse)]
  if (ts.isBinaryExpression(node)) return [...strings(node.left), ...strings(node.right)]
  if (ts.isAsExpression(node) || ts.isParenthesizedExpression(node)) return strings(node.expression)
  return []
}

function nameOf(node: ts.SignatureDeclaration): string | undefined {
  if (ts.isConstructorDeclaration(node)) return node.parent.name?.text
  if (ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) return node.name?.getText()
  return ts.isVariableDeclaration(node.parent) ? node.parent.name.getText() : undefined
}

/**
 * Every code that the sources write: as the property or the type `code`, for a system error in a table (`ECONNREFUSED: …`), and where
 * a function, method or class takes a parameter `code`, also with the code as a `Code` of another name.
 */
function codesIn(sources: readonly ts.SourceFile[]): Map<string, string> {
  const takes = new Map<string, Set<number>>()
  for (const source of sources) each(source, node => {
    if (!ts.isFunctionLike(node)) return
    const name = nameOf(node)
    node.parameters.forEach((parameter, at) => {
      const isCode = parameter.name.getText() === 'code' || /\bCode\b/.test(parameter.type?.getText() ?? '')
      if (name !== undefined && isCode) takes.set(name, (takes.get(name) ?? new Set()).add(at))
    })
  })
  const found = new Map<string, string>()
  for (const source of sources) each(source, node => {
    const written: string[] = []
    if (ts.isPropertyAssignment(node) && (node.name.getText() === 'code' || /^E[A-Z]{3,}$/.test(node.name.getText()))) written.push(...strings(node.initializer))
    if ((ts.isPropertyDeclaration(node) || ts.isPropertySignature(node)) && node.name.getText() === 'code' && node.type) written.push(...strings(node.type))
    if (ts.isTypeAliasDeclaration(node) && node.name.text.endsWith('Code')) written.push(...strings(node.type))
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      const callee = ts.isPropertyAccessExpression(node.expression) ? node.expression.name.text : node.expression.getText()
      for (const at of takes.get(callee) ?? []) if (node.arguments?.[at]) written.push(...strings(node.arguments[at]))
    }
    const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1
    for (const code of written) if (CODE.test(code)) found.set(code, `${source.fileName}:${line}`)
  })
  return found
}

const sources = (texts: Readonly<Record<string, string>>) =>
  Object.entries(texts).map(([name, text]) => ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true))
const written = codesIn(sources(Object.fromEntries(['machines', 'actors'].flatMap(files).map(name => [name, readFileSync(join(root, name), 'utf8')]))))
const listed = new Set(['codes', 'command-line', 'directory'].flatMap(page =>
  [...readFileSync(join(root, `docs/${page}.md`), 'utf8').matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell]) => [...cell!.matchAll(/`([^`]+)`/g)].map(([, code]) => code!))))

describe('the codes that machines and actors write', () => {
  it('are listed in docs/, every one', () => {
    expect([...written].filter(([code]) => !listed.has(code))).toEqual([])
  })

  it('are found wherever they are written', () => {
    expect(written.size).toBeGreaterThan(80)
    const known = new Set([...Object.keys(CODES), ...Object.keys(FILE_CODES)])
    expect([...written.keys()].filter(code => known.has(code)).length).toBeGreaterThan(75)
    const planted = sources({
      'a.ts': 'function part(turn: Turn, why: Code) {} class Gone extends Error { constructor(code: string) { super(code) } }',
      'b.ts': 'part(turn, full ? "planted-one" : "planted-two"); throw new Gone("planted-three"); say(new LinkClosed({ code: known || "planted-four" }))',
      'c.ts': 'const codes = { EPLANTED: "planted-five" }; interface End { readonly code: "planted-six" | "planted-seven" }; say({ name: "not-a-code", kind: "nor-this" })'
    })
    expect([...codesIn(planted).keys()]).toEqual(['one', 'two', 'three', 'four', 'five', 'six', 'seven'].map(number => `planted-${number}`))
  })

  it('are decided by what docs/codes.md says', () => {
    const rows = [...docs.matchAll(/^\| `([^`]+)` \| (\w+) \| (?:`([^`]+)`)? ?\|$/gm)].map(([, code, kind, name = '']) => [code, { kind, name }])
    expect(rows).toEqual(Object.entries(DECIDERS))
    expect(deciderOf('from-the-future')).toEqual({ kind: 'policy', name: '' })
    expect(deciderOf('constructor')).toEqual({ kind: 'policy', name: '' })
  })

  it('are decided by guards and options that there are', () => {
    const options: Record<string, object> = {
      'peer-connection': peerConnectionDefinition.options as object, 'link-keeper': linkKeeperDefaults, 'verify-pings': verifyPingsDefaults, 'policy-keeper': policyKeeperDefaults, listener: listenerDefinition.options as object
    }
    const guards = Object.keys(peerConnectionMachine.implementations.guards)
    for (const { kind, name } of Object.values(DECIDERS) as { kind: string; name: string }[]) {
      const [actor = '', option] = name.split('.')
      if (option !== undefined) expect([name, option in (options[actor] ?? {})]).toEqual([name, true])
      if (kind === 'guard' && !/ |^gate$/.test(name)) expect(guards).toContain(name)
    }
  })
})
