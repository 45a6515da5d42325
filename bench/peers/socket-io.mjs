// One node of Socket.IO with its sharded Redis adapter: everybody is in a room of their own, and a message goes to the
// room of its receiver, on whichever node that is. Nothing is stored, nothing is acknowledged.
//
// node socket-io.mjs PORT REDIS_URL

import { createServer } from "node:http";
import { createShardedAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const [port, url] = process.argv.slice(2);
const publisher = createClient({ url });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);

const http = createServer();
const io = new Server(http, {
  adapter: createShardedAdapter(publisher, subscriber),
  serveClient: false,
  transports: ["websocket"],
});

io.use((socket, next) => {
  const { user } = socket.handshake.auth;
  socket.data.user = user;
  next(typeof user === "string" ? undefined : new Error("nobody"));
});

io.on("connection", async (socket) => {
  await socket.join(socket.data.user);
  socket.on("send", (to, text) => io.to(to).emit("message", socket.data.user, text));
  socket.emit("welcome");
});

http.listen(Number(port), "127.0.0.1");
