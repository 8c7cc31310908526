// Package trust decides whose indexes and manifests are accepted.
//
// Manifests and indexes carry detached signatures of the minisign tool: [Sign] makes one, a [Keyring] checks one. A [Ledger] remembers, for
// each place that publishes an index, which keys may sign and which index was accepted last, so that a place cannot later serve an older one.
//
//	key, err := trust.ReadPublicKey("publisher.pub")
//	if err != nil { ... }
//	accepted, err := trust.Open(folder).Accept("https://zoo.example.org", raw, signature, trust.Keyring{key}, time.Now())
//	if err != nil { ... }
//	fmt.Println(accepted.Version)
package trust
