/** NATS and its JetStream: messages between machines. Loaded only by commands that use it. */
export {
  connect,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  type NodeConnectionOptions as ConnectionOptions,
} from "npm:@nats-io/transport-node@3.4.0";
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
