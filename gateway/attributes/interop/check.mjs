// Verifies a credential of ours by other people's libraries, and makes one of its own with them.
// Standard input: { presentation, issuer, nonce, time_s }; `issuer` is a public JWK. Standard
// output: the claims that they read, their own presentation, and its issuer's public JWK.
import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { SDJwtInstance } from '@sd-jwt/core'
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc'

const form = { dsaEncoding: 'ieee-p1363' }
const signer = (key) => (data) => sign('sha256', Buffer.from(data), { key, ...form }).toString('base64url')
const verifier = (key) => (data, signature) =>
  verify('sha256', Buffer.from(data), { key, ...form }, Buffer.from(signature, 'base64url'))
const common = {
  hasher: (data, name) => createHash(name.replace('-', '')).update(data).digest(),
  hashAlg: 'sha-256',
  saltGenerator: (bytes) => randomBytes(bytes).toString('base64url'),
  signAlg: 'ES256',
  kbSignAlg: 'ES256',
  // The holder's key is the one that the issuer put into the claims.
  kbVerifier: (data, signature, claims) =>
    verifier(createPublicKey({ key: claims.cnf.jwk, format: 'jwk' }))(data, signature),
}

const ours = JSON.parse(readFileSync(0))
const key = createPublicKey({ key: ours.issuer, format: 'jwk' })
const options = { keyBindingNonce: ours.nonce, currentDate: ours.time_s }
const read = []
for (const Library of [SDJwtInstance, SDJwtVcInstance]) {
  const library = new Library({ ...common, verifier: verifier(key) })
  const { payload } = await library.verify(ours.presentation, options)
  read.push(payload)
}

const [issuer, holder] = [0, 1].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }))
const theirs = new SDJwtVcInstance({
  ...common,
  signer: signer(issuer.privateKey),
  kbSigner: signer(holder.privateKey),
})
const jwk = ({ publicKey }) => publicKey.export({ format: 'jwk' })
const issued = await theirs.issue(
  {
    iss: 'https://issuer.example',
    vct: 'https://issuer.example/person',
    exp: ours.time_s + 60,
    cnf: { jwk: jwk(holder) },
    name: 'Grace',
    born: { year: 1906, month: 12 },
    sides: ['left', 'right'],
  },
  { _sd: ['name', 'born'], born: { _sd: ['year', 'month'] }, sides: { _sd: [0, 1] }, _sd_decoy: 2 },
)
const shown = { born: { year: true }, sides: { 1: true } }
const payload = { aud: 'https://shop.example', nonce: ours.nonce, iat: ours.time_s }
const presentation = await theirs.present(issued, shown, { kb: { payload } })
console.log(JSON.stringify({ read, issued, presentation, issuer: jwk(issuer) }))
