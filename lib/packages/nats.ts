/** NATS and its JetStream: messages between machines. Loaded only by commands that use it. */
export { connect, type NodeConnectionOptions } from "npm:@nats-io/transport-node@3.4.0";
export * from "./nats_websocket.ts";
