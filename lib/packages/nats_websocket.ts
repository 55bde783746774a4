/** Parts of NATS and its JetStream that need no sockets but WebSockets, which browsers have as well. */
export {
  type ConnectionOptions,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  wsconnect,
} from "npm:@nats-io/nats-core@3.4.0";
export {
  AckPolicy,
  DiscardPolicy,
  jetstream,
  type JetStreamClient,
  type JetStreamManager,
  jetstreamManager,
  type JsMsg,
  RetentionPolicy,
  StorageType,
} from "npm:@nats-io/jetstream@3.4.0";
export { type KV, type KvEntry, Kvm } from "npm:@nats-io/kv@3.4.0";
export { type ObjectStore, Objm } from "npm:@nats-io/obj@3.4.0";
