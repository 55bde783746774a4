/** NATS and its JetStream: a file beside the bundle, loaded on first use. */
const beside = new URL("temper-nats.js", import.meta.url);
export const {
  AckPolicy,
  credsAuthenticator,
  DiscardPolicy,
  jetstream,
  jetstreamManager,
  Kvm,
  nkeyAuthenticator,
  Objm,
  RetentionPolicy,
  StorageType,
  wsconnect,
}: typeof import("../nats_websocket.ts") = await import(beside.href);
export type {
  ConnectionOptions,
  JetStreamClient,
  JetStreamManager,
  JsMsg,
  KV,
  KvEntry,
  NatsConnection,
  ObjectStore,
} from "../nats_websocket.ts";
