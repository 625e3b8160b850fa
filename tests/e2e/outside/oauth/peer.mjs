// Two OAuth clients of other people: what the gateway grants them, and what it refuses.
//
// node peer.mjs CONFIG.json, where CONFIG.json holds { issuer, mutual, ca, client_id, key,
// certificate, certificate_key }. The first two are bases of URLs: of all that the gateway does, and
// of the same where it asks for certificates. All but these and client_id are paths: of the certificate that the gateway
// shows, of the client's private JWK for ES256, and of its own certificate with the key. Prints a
// line for each scenario, goes on after one that failed, and succeeds where none did.
import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { Agent, Response, fetch } from 'undici'

const config = JSON.parse(readFileSync(process.argv[2]))
const { issuer, client_id } = config
const ca = readFileSync(config.ca)
const jwk = JSON.parse(readFileSync(config.key))
const resource = new URL('/api/v1/auth', issuer)

// Ways to the gateway: without a certificate, with the client's, and with one that it never saw.
// Whoever has one goes to the door that asks for it, under the same names.
const agents = []
const way = (shown, base = issuer) => {
  const connect = { ca, minVersion: 'TLSv1.3', ...shown }
  const dispatcher = new Agent({ connect, headersTimeout: 10_000, bodyTimeout: 10_000 })
  agents.push(dispatcher)
  const there = (url) => new URL(new URL(url).pathname, base)
  return (url, options) => fetch(there(url), { ...options, dispatcher })
}
const bare = way({})
const own = { cert: readFileSync(config.certificate), key: readFileSync(config.certificate_key) }
const certified = way(own, config.mutual)
const otherWays = {
  'no certificate': bare,
  'no certificate where one is asked for': way({}, config.mutual),
  'another certificate': way(selfSigned(), config.mutual),
}

const curve = { name: 'ECDSA', namedCurve: 'P-256' }
const key = await crypto.subtle.importKey('jwk', jwk, curve, false, ['sign'])
const { privateKey: otherKey } = await crypto.subtle.generateKey(curve, false, ['sign', 'verify'])

// oauth4webapi leaves it to its caller to ask again with the server's nonce.
async function plain(fetch, authenticate) {
  const url = new URL(issuer)
  const client = { client_id }
  const common = { [oauth.customFetch]: fetch }
  const found = await oauth.discoveryRequest(url, { ...common, algorithm: 'oauth2' })
  const server = await oauth.processDiscoveryResponse(url, found)
  const nonced = async (DPoP, ask) => {
    const options = { ...common, DPoP }
    try {
      return await ask(options)
    } catch (error) {
      if (DPoP && oauth.isDPoPNonceError(error)) return ask(options)
      throw error
    }
  }
  return {
    server,
    prover: (pair, change) => oauth.DPoP(client, pair, { [oauth.modifyAssertion]: change }),
    token: (DPoP, asked) =>
      nonced(DPoP, async (options) => {
        const request = oauth.clientCredentialsGrantRequest
        const answer = await request(server, client, authenticate, { ...asked }, options)
        return oauth.processClientCredentialsResponse(server, client, answer)
      }),
    grant: (type, DPoP) =>
      nonced(DPoP, async (options) => {
        const request = oauth.genericTokenEndpointRequest
        const answer = await request(server, client, authenticate, type, {}, options)
        return oauth.processGenericTokenEndpointResponse(server, client, answer)
      }),
    call: (token, DPoP, headers) =>
      nonced(DPoP, (options) =>
        oauth.protectedResourceRequest(token, 'POST', resource, headers, null, options),
      ),
  }
}

// openid-client is built on the other and asks again by itself.
async function whole(fetch, authenticate) {
  const options = { algorithm: 'oauth2', [openid.customFetch]: fetch }
  const url = new URL(issuer)
  const found = await openid.discovery(url, client_id, undefined, authenticate, options)
  return {
    server: found.serverMetadata(),
    prover: (pair, change) =>
      openid.getDPoPHandle(found, pair, { [openid.modifyAssertion]: change }),
    token: (DPoP, asked) => openid.clientCredentialsGrant(found, { ...asked }, { DPoP }),
    grant: (type, DPoP) => openid.genericGrantRequest(found, type, {}, { DPoP }),
    call: (token, DPoP, headers) =>
      openid.fetchProtectedResource(found, token, resource, 'POST', null, headers, { DPoP }),
  }
}

const libraries = {
  oauth4webapi: { connect: plain, keyPair: oauth.generateKeyPair, ...authentications(oauth) },
  'openid-client': {
    connect: whole,
    keyPair: openid.randomDPoPKeyPair,
    ...authentications(openid),
  },
}

// Ways to say who asks, each made anew for a request; only the first two are good.
function authentications(library) {
  const { kid } = jwk
  const changed = (change) =>
    library.PrivateKeyJwt(
      { key, kid },
      { [library.modifyAssertion]: (_, claims) => Object.assign(claims, change(claims)) },
    )
  return {
    byAssertion: library.PrivateKeyJwt({ key, kid }),
    byCertificate: library.TlsClientAuth(),
    bad: {
      'an assertion by another key': library.PrivateKeyJwt({ key: otherKey, kid }),
      'an assertion for another audience': changed(() => ({ aud: 'https://other.example' })),
      'an assertion that has expired': changed(({ iat }) => ({
        iat: iat - 3600,
        nbf: iat - 3600,
        exp: iat - 3540,
      })),
      'an assertion that another issued': changed(() => ({ iss: 'other' })),
      // Whoever takes the public key for a secret would take this one.
      'an HS256 assertion': library.ClientSecretJwt(JSON.stringify({ ...jwk, d: undefined })),
      'an assertion without a signature': unsigned,
      'a secret in the header': library.ClientSecretBasic('secret'),
      'a secret in the body': library.ClientSecretPost('secret'),
    },
  }
}

function unsigned(server, _client, body) {
  const now = Math.floor(Date.now() / 1000)
  const jti = randomBytes(16).toString('base64url')
  const who = { iss: client_id, sub: client_id, aud: server.issuer, jti }
  const parts = [{ alg: 'none' }, { ...who, iat: now, nbf: now, exp: now + 60 }]
  const coded = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  body.set('client_id', client_id)
  body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
  body.set('client_assertion', `${coded.join('.')}.`)
}

// Says at every request what it said at the first.
function repeating(authenticate) {
  let said
  return async (server, client, body, headers) => {
    if (!said) {
      said = new URLSearchParams()
      await authenticate(server, client, said, headers)
    }
    for (const [name, value] of said) body.set(name, value)
  }
}

// Keeps with which headers was asked over a way, and what came back.
function watching(way) {
  const seen = []
  const watched = async (url, options) => {
    const answer = await way(url, options)
    seen.push({ sent: new Headers(options.headers), answer })
    return answer
  }
  return [watched, seen]
}

// What a client gets, and that it opens the resource.
function* granted({ connect, byAssertion, byCertificate, keyPair }) {
  yield ['metadata says what the server does', async () => {
    const { server } = await connect(bare, byAssertion)

    const methods = server.token_endpoint_auth_methods_supported
    assert.deepEqual([...methods].sort(), ['private_key_jwt', 'self_signed_tls_client_auth'])
    const algorithms = server.token_endpoint_auth_signing_alg_values_supported
    assert.ok(algorithms.includes('ES256'), 'ES256')
    assert.ok(algorithms.some((name) => ['EdDSA', 'Ed25519'].includes(name)), 'EdDSA')
    assert.ok(!algorithms.some((name) => /^(HS|none)/.test(name)), `${algorithms}`)
    assert.ok(server.dpop_signing_alg_values_supported.includes('ES256'), 'ES256 for DPoP')
    assert.ok(server.grant_types_supported.includes('client_credentials'), 'grant')
    assert.equal(server.tls_client_certificate_bound_access_tokens, true)
    const { token_endpoint } = server.mtls_endpoint_aliases
    assert.equal(token_endpoint, new URL('/oauth2/token', config.mutual).href)
    assert.ok(Array.isArray(server.scopes_supported), 'scopes_supported')
  }]
  yield ['published keys are public', async () => {
    const { server } = await connect(bare, byAssertion)

    const answer = await bare(server.jwks_uri)

    assert.equal(answer.status, 200)
    const { keys } = await answer.json()
    assert.ok(Array.isArray(keys), 'keys')
    for (const name of ['d', 'p', 'q', 'k']) assert.ok(!keys.some((one) => name in one), name)
  }]
  for (const algorithm of ['ES256', 'Ed25519']) {
    yield [`a token bound to an ${algorithm} key opens the resource, after nonces`, async () => {
      const [watched, seen] = watching(bare)
      const client = await connect(watched, byAssertion)
      const pair = await keyPair(algorithm)
      seen.length = 0

      const token = await client.token(client.prover(pair))
      // This prover knows no nonce yet.
      const answer = await client.call(token.access_token, client.prover(pair))

      assert.deepEqual(seen.map(({ answer }) => answer.status), [400, 200, 401, 200])
      for (const at of [0, 2]) assert.ok(seen[at].answer.headers.get('dpop-nonce'), 'DPoP-Nonce')
      assert.match(seen[1].answer.headers.get('cache-control'), /no-store/)
      assertIs(token, 'dpop')
      await assertOpened(answer)
    }]
  }
  const means = { 'an assertion': byAssertion, 'the certificate itself': byCertificate }
  for (const [name, authenticate] of Object.entries(means)) {
    yield [`a token bound to the certificate, got by ${name}, opens the resource`, async () => {
      const client = await connect(certified, authenticate)

      const token = await client.token()
      const answer = await client.call(token.access_token)

      assertIs(token, 'bearer')
      await assertOpened(answer)
    }]
  }
}

// What the token endpoint refuses.
function* ungranted({ connect, byAssertion, byCertificate, bad, keyPair }) {
  for (const [name, authenticate] of Object.entries(bad)) {
    yield [`${name} gets no token, with a proof`, async () => {
      const client = await connect(bare, authenticate)
      const prover = client.prover(await keyPair('ES256'))
      await assertRefused(client.token(prover), [400, 401], 'invalid_client')
    }]
    yield [`${name} gets no token, with the certificate`, async () => {
      const client = await connect(certified, authenticate)
      await assertRefused(client.token(), [400, 401], 'invalid_client')
    }]
  }
  yield ['an assertion gets a token once', async () => {
    const client = await connect(certified, repeating(byAssertion))
    assertIs(await client.token(), 'bearer')
    await assertRefused(client.token(), [400, 401], 'invalid_client')
  }]
  for (const [name, way] of Object.entries(otherWays)) {
    yield [`a client known by its certificate gets no token with ${name}`, async () => {
      const client = await connect(way, byCertificate)
      await assertRefused(client.token(), [400, 401], 'invalid_client')
    }]
  }
  yield ['a token that nothing binds is not given', async () => {
    const client = await connect(bare, byAssertion)
    await assertRefused(client.token(), [400], 'invalid_request')
  }]
  yield ['an unknown scope is refused', async () => {
    const client = await connect(certified, byAssertion)
    await assertRefused(client.token(undefined, { scope: 'unheard-of' }), [400], 'invalid_scope')
  }]
  for (const grant of ['password', 'urn:example:unheard-of']) {
    yield [`the grant ${grant} is refused`, async () => {
      const client = await connect(certified, byAssertion)
      await assertRefused(client.grant(grant), [400], 'unsupported_grant_type')
    }]
  }
  for (const [name, change] of Object.entries(badProofs)) {
    yield [`a proof ${name} gets no token`, async () => {
      const client = await connect(bare, byAssertion)
      const prover = client.prover(await keyPair('ES256'), change)
      await assertRefused(client.token(prover), [400], 'invalid_dpop_proof')
    }]
  }
  yield ['a proof gets a token once', async () => {
    const [watched, seen] = watching(bare)
    const client = await connect(watched, byAssertion)
    const pair = await keyPair('ES256')
    assertIs(await client.token(client.prover(pair)), 'dpop')
    const dpop = seen.at(-1).sent.get('dpop')
    const same = (url, options) => bare(url, { ...options, headers: { ...options.headers, dpop } })
    const again = await connect(same, byAssertion)
    await assertRefused(again.token(again.prover(pair)), [400], 'invalid_dpop_proof')
  }]
}

// What the resource refuses though the token is good.
function* unopened({ connect, byAssertion, keyPair }) {
  // A client with a token that is bound to its pair.
  const bound = async () => {
    const [watched, seen] = watching(bare)
    const client = await connect(watched, byAssertion)
    const pair = await keyPair('ES256')
    const token = await client.token(client.prover(pair))
    return { client, pair, seen, token: token.access_token }
  }
  const certificateBound = async () => {
    const client = await connect(certified, byAssertion)
    return (await client.token()).access_token
  }
  // Either the token or its proof may be blamed for what does not fit the other.
  const unfit = ['invalid_token', 'invalid_dpop_proof']

  for (const [name, change] of Object.entries({ ...badProofs, ...badProofsOfTokens })) {
    yield [`a proof ${name} opens nothing`, async () => {
      const { client, pair, token } = await bound()
      const asking = client.call(token, client.prover(pair, change))
      await assertRefused(asking, [401], 'invalid_dpop_proof')
    }]
  }
  yield ['a proof opens the resource once', async () => {
    const { client, pair, seen, token } = await bound()
    await assertOpened(await client.call(token, client.prover(pair)))
    const headers = new Headers({ dpop: seen.at(-1).sent.get('dpop') })
    const again = client.call(token, undefined, headers)
    await assertRefused(again, [401], 'invalid_dpop_proof')
  }]
  yield ['a token opens nothing with a proof by another key', async () => {
    const { client, token } = await bound()
    const other = client.prover(await keyPair('ES256'))
    await assertRefused(client.call(token, other), [401], ...unfit)
  }]
  yield ['a token bound to a key opens nothing without a proof', async () => {
    const { client, token } = await bound()
    await assertRefused(client.call(token), [401], ...unfit)
  }]
  yield ['a token bound to a key opens nothing with the certificate instead', async () => {
    const { token } = await bound()
    const client = await connect(certified, byAssertion)
    await assertRefused(client.call(token), [401], ...unfit)
  }]
  for (const [name, way] of Object.entries(otherWays)) {
    yield [`a token bound to the certificate opens nothing with ${name}`, async () => {
      const client = await connect(way, byAssertion)
      await assertRefused(client.call(await certificateBound()), [401], 'invalid_token')
    }]
  }
  yield ['a token bound to the certificate opens nothing with a proof instead', async () => {
    const client = await connect(bare, byAssertion)
    const prover = client.prover(await keyPair('ES256'))
    await assertRefused(client.call(await certificateBound(), prover), [401], ...unfit)
  }]
  yield ['a changed token opens nothing', async () => {
    const { client, pair, token } = await bound()
    const middle = token.length >> 1
    const other = token[middle] === 'A' ? 'B' : 'A'
    const changed = token.slice(0, middle) + other + token.slice(middle + 1)
    await assertRefused(client.call(changed, client.prover(pair)), [401], 'invalid_token')
  }]
}

// Proofs that are wrong everywhere, and those that are wrong beside a token.
const badProofs = {
  'for another address': (_, claims) => (claims.htu = 'https://other.example/'),
  'for another method': (_, claims) => (claims.htm = 'GET'),
  'of another kind of token': (header) => (header.typ = 'jwt'),
  'without an id': (_, claims) => delete claims.jti,
  'without a time': (_, claims) => delete claims.iat,
}
const badProofsOfTokens = {
  'of no token': (_, claims) => delete claims.ath,
  'of another token': (_, claims) => (claims.ath = randomBytes(32).toString('base64url')),
}

function assertIs(token, type) {
  assert.equal(token.token_type, type)
  assert.ok(token.expires_in > 0, 'expires_in')
}

async function assertOpened(answer) {
  assert.equal(answer.status, 200)
  const { success, data, meta } = await answer.json()
  assert.equal(success, true)
  assert.ok(data.vendor_id && data.name && meta, 'vendor_id, name and meta')
}

async function assertRefused(asking, statuses, ...errors) {
  const refusal = await asking.then((answer) => {
    throw new Error(`not refused: ${answer.status ?? 'a token'}`)
  }, refused)
  const { status, error } = refusal
  const wanted = statuses.includes(status) && errors.includes(error)
  assert.ok(wanted, `${JSON.stringify(refusal)} instead of ${statuses} ${errors}`)
}

// Status and error of a refusal, which may stand in a challenge, the body, or both.
async function refused(thrown) {
  const { status, cause } = thrown
  if (thrown instanceof oauth.ResponseBodyError) return { status, ...cause }
  if (!(thrown instanceof oauth.WWWAuthenticateChallengeError)) throw thrown
  const said = cause.find(({ parameters }) => parameters.error)
  return { status, ...(said?.parameters ?? (await thrown.response.json().catch(() => ({})))) }
}

// A certificate of nobody with its key, both PEM.
function selfSigned() {
  const der = (tag, ...parts) => {
    const content = Buffer.concat(parts)
    const { length } = content
    const long = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
    const size = length < 128 ? [length] : long
    return Buffer.concat([Buffer.from([tag, ...size]), content])
  }
  const sequence = (...parts) => der(0x30, ...parts)
  const object = (hex) => der(6, Buffer.from(hex, 'hex'))
  const time = (ms) => {
    const digits = new Date(ms).toISOString().replace(/\D/g, '').slice(2, 14)
    return der(0x17, Buffer.from(`${digits}Z`))
  }
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(object('2a8648ce3d040302'))
  const name = sequence(der(0x31, sequence(object('550403'), der(12, Buffer.from('nobody')))))
  const validity = sequence(time(Date.now() - 3600_000), time(Date.now() + 3600_000))
  const version = der(0xa0, der(2, Buffer.from([2])))
  const serial = der(2, Buffer.from([1]))
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const content = sequence(version, serial, algorithm, name, validity, name, spki)
  const signature = der(3, Buffer.from([0]), sign('sha256', content, privateKey))
  const coded = sequence(content, algorithm, signature).toString('base64')
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${coded}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  }
}

const counts = { ok: 0, FAILED: 0 }
const told = (verdict, line) => {
  counts[verdict] += 1
  console.log(`${verdict} ${line}`)
}
for (const [name, library] of Object.entries(libraries)) {
  for (const group of [granted, ungranted, unopened]) {
    for (const [scenario, run] of group(library)) {
      await run().then(
        () => told('ok', `${name}: ${scenario}`),
        (error) => told('FAILED', `${name}: ${scenario}: ${described(error)}`),
      )
    }
  }
}
console.log(`${counts.ok} ok, ${counts.FAILED} failed`)
process.exitCode = counts.FAILED ? 1 : 0
await Promise.all(agents.map((agent) => agent.destroy()))

// An error and what caused it, in one line.
function described({ message, cause }) {
  const said = message.replace(/\s+/g, ' ')
  if (!cause) return said
  if (cause instanceof Error) return `${said}: ${described(cause)}`
  return `${said}: ${cause instanceof Response ? cause.status : JSON.stringify(cause)}`
}
