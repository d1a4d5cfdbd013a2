// The house rules that oxlint and dependency-cruiser cannot say. Prints file:line, what and why.
import { readFileSync, readdirSync } from 'node:fs'
import ts from 'typescript'

const LINES_MAX = 350
const UNTRACKED = /^(node_modules|dist|coverage|\.git|proto\/generated|examples\/generated)$/
const SOURCE = /\.(ts|tsx|js|mjs|cjs)$/
const CORE = /^(machines|runtime\/kernel)\//

// Exact on every engine: the rest of Math is approximated, and differs between Node majors.
const MATH = new Set(['abs', 'ceil', 'clz32', 'floor', 'fround', 'imul', 'max', 'min', 'round', 'sign', 'sqrt', 'trunc'])
const TESTS = new Set(['describe', 'it', 'test'])
const UNRUN = new Set(['only', 'skip', 'todo', 'failing'])
const UNRUN_NAMES = new Set(['fdescribe', 'fit', 'xdescribe', 'xit', 'xtest'])

let found = 0
const complain = (file, line, message) => {
  found++
  console.error(`${file}:${line}: ${message}`)
}

for (const file of files('')) {
  const bytes = readFileSync(file)
  if (bytes.includes(0)) continue
  const text = bytes.toString()
  const lines = text.split('\n')

  lines.forEach((line, index) => {
    if (/(?<![\w.~-])\/(work|root|farm)\//.test(line)) complain(file, index + 1, 'an absolute path of one machine: no other has it')
    if (file === 'package-lock.json' && line.includes('"resolved"')) complain(file, index + 1, 'a registry address: npm fills it in from the user\'s own')
  })
  if (!SOURCE.test(file)) continue
  if (lines.length - 1 > LINES_MAX) complain(file, LINES_MAX + 1, `${lines.length - 1} lines, more than ${LINES_MAX}: split it by concept`)

  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true)
  const at = node => source.getLineAndCharacterOfPosition(node.getStart()).line + 1
  const checks = [
    ...(file.endsWith('.ts') ? [specifier] : []),
    ...(CORE.test(file) ? [core] : []),
    ...(file.startsWith('test/') && file !== 'test/support/needs.ts' ? [unrun] : [])
  ]
  const visit = node => {
    for (const check of checks) {
      const message = check(node)
      if (message) complain(file, at(node), message)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
}

process.exitCode = found === 0 ? 0 : 1

function* files(folder) {
  for (const entry of readdirSync(folder || '.', { withFileTypes: true })) {
    const path = folder + entry.name
    if (UNTRACKED.test(path)) continue
    if (entry.isDirectory()) yield* files(`${path}/`)
    else if (entry.isFile() && !path.endsWith('.log')) yield path
  }
}

/** One spelling that tsc, jest and Node's hooks all resolve. */
function specifier(node) {
  if (!ts.isStringLiteral(node) || !/^\.\.?\//.test(node.text) || node.text.includes('/generated/') || node.text.endsWith('.ts')) return
  const { parent } = node
  const imports = ts.isImportDeclaration(parent) || ts.isExportDeclaration(parent) || ts.isLiteralTypeNode(parent)
    || (ts.isCallExpression(parent) && parent.expression.kind === ts.SyntaxKind.ImportKeyword)
  if (imports) return `import '${node.text}': name the source file, with its .ts`
}

/** The core gives the same outputs for the same inputs, byte for byte, on every Node. */
function core(node) {
  const { parent } = node
  if (ts.isIdentifier(node) && node.text === 'Math' && !(ts.isPropertyAccessExpression(parent) && parent.name === node)) {
    const name = ts.isPropertyAccessExpression(parent) ? parent.name.text : undefined
    if (!MATH.has(name)) return `Math${name ? `.${name}` : ''}: only ${[...MATH].join(', ')} are exact on every engine; use an integer table or the seeded stream`
  }
  if (node.kind === ts.SyntaxKind.AsteriskAsteriskToken || node.kind === ts.SyntaxKind.AsteriskAsteriskEqualsToken) {
    return '**: is Math.pow, approximated; use shifts or an integer table'
  }
  if (ts.isPropertyAccessExpression(node) && /^(localeCompare|toLocale\w+)$/.test(node.name.text)) {
    return `${node.name.text}: ICU differs between Node versions; compare with < and >`
  }
  if ((ts.isRegularExpressionLiteral(node) || ts.isStringLiteralLike(node)) && /\\[pP]\{/.test(node.getText())) {
    return '\\p{}: what it holds grows with each Node\'s Unicode; write the characters out'
  }
  if (node.kind === ts.SyntaxKind.AsyncKeyword || ts.isAwaitExpression(node) || node.kind === ts.SyntaxKind.AwaitKeyword) {
    return 'async: the core awaits nothing; a driver answers by an input'
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) return 'import(): the core awaits nothing'
}

/** A test that does not run looks like one that passed. */
function unrun(node) {
  if (ts.isIdentifier(node) && UNRUN_NAMES.has(node.text)) return `${node.text}: every test runs; use needs() for what a machine may lack`
  if (!ts.isPropertyAccessExpression(node) || !UNRUN.has(node.name.text)) return
  let root = node.expression
  while (ts.isPropertyAccessExpression(root)) root = root.expression
  if (ts.isIdentifier(root) && TESTS.has(root.text)) return `${node.getText()}: every test runs; use needs() for what a machine may lack`
}
