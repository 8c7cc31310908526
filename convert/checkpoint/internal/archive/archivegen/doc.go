// Package archivegen makes zip archives for tests: sound ones, as other programs write them, and ones that contradict themselves.
//
//	content := archivegen.Archive{Records: []archivegen.Record{
//		{Name: "model/data.pkl", Content: pickle},
//		{Name: "model/data/0", Content: raw, Local: func(h *archivegen.Header) { h.Size++ }},
//	}}.Bytes()
package archivegen
