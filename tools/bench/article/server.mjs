// "How to Handle 1 Million Users with Redis Caching", its code put together as it stands: Fastify, ioredis, pg; GET, on a miss
// SELECT, SET EX 600; INCR and EXPIRE to limit; the session as JSON in Redis. One worker for each processor.
//
// It is here to be measured against, not to be used: see examples/naive.rs for what goes wrong with it.
//
// Variables: LISTEN_ADDR, DATABASE_URL, REDIS_URL, LIMIT (requests a minute).
import cluster from 'node:cluster'
import { availableParallelism } from 'node:os'
import Fastify from 'fastify'
import Redis from 'ioredis'
import pg from 'pg'

const TTL = 600
const LIMIT = Number(process.env.LIMIT ?? 1e9)

const HOME = `
  SELECT p.id, p.body, p.created_at, p.author_id, u.username, u.display_name
  FROM follows f
  CROSS JOIN LATERAL (SELECT * FROM posts WHERE author_id = f.followee_id ORDER BY id DESC LIMIT 20) p
  JOIN users u ON u.id = p.author_id
  WHERE f.follower_id = $1
  ORDER BY p.id DESC
  LIMIT 20`
const USER = 'SELECT id, username, display_name, bio, created_at FROM users WHERE id = $1'

async function serve() {
  const redis = new Redis(process.env.REDIS_URL)
  const database = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 8 })

  async function cached(key, load) {
    const hit = await redis.get(key)
    if (hit) return JSON.parse(hit)
    const data = await load()
    await redis.set(key, JSON.stringify(data), 'EX', TTL)
    return data
  }

  const app = Fastify()
  app.addHook('onRequest', async (request, reply) => {
    const token = request.headers.authorization?.slice('Bearer '.length)
    const who = token ?? request.ip
    const count = await redis.incr(`rate_limit:${who}`)
    if (count === 1) await redis.expire(`rate_limit:${who}`, 60)
    if (count > LIMIT) return reply.code(429).send({ error: 'Too many requests' })
    if (token) {
      const session = await redis.get(`session:${token}`)
      if (!session) return reply.code(401).send({ error: 'Unauthorized' })
      request.session = JSON.parse(session)
    }
  })
  app.get('/home', async (request, reply) => {
    if (!request.session) return reply.code(401).send({ error: 'Unauthorized' })
    const id = request.session.user_id
    return cached(`home:${id}`, async () => {
      const { rows } = await database.query({ name: 'home', text: HOME, values: [id] })
      return { items: rows }
    })
  })
  app.get('/users/:id', async (request) =>
    cached(`user:${request.params.id}`, async () => {
      const { rows } = await database.query({ name: 'user', text: USER, values: [request.params.id] })
      return rows[0]
    }))

  const [host, port] = process.env.LISTEN_ADDR.split(':')
  await app.listen({ host, port: Number(port) })
}

if (cluster.isPrimary) {
  for (let worker = 0; worker < availableParallelism(); worker++) cluster.fork()
  process.on('disconnect', () => process.exit())
} else {
  await serve()
}
