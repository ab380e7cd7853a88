"""Where the protocol meets the network: TLS and WebSockets."""
