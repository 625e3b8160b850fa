// Checks a running ledger by the libraries of Go's checksum database, and nothing of ours: that it
// signs, has every entry that it serves, and only grew. Arguments: URL, key, older checkpoint.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	url, key := os.Args[1], must(note.NewVerifier(os.Args[2]))
	older := tree(string(must(os.ReadFile(os.Args[3]))), key)
	newer := tree(get(url, "checkpoint"), key)
	var grown struct{ Proof []string }
	must(0, json.Unmarshal([]byte(get(url, "consistency/%d/%d", older.N, newer.N)), &grown))
	must(0, tlog.CheckTree(hashes(grown.Proof), newer.N, newer.Hash, older.N, older.Hash))
	for index := int64(0); index < newer.N; index++ {
		head, signed, _ := strings.Cut(get(url, "proof/%d", index), "\n\n")
		under, lines := tree(signed, key), strings.Split(head, "\n")
		leaf := tlog.RecordHash([]byte(get(url, "entries/%d", index)))
		must(0, tlog.CheckRecord(hashes(lines[2:]), under.N, under.Hash, index, leaf))
	}
	fmt.Printf("%d entries of %s, which grew from %d\n", newer.N, key.Name(), older.N)
}

// tree reads a checkpoint that the key signed: name, size, root.
func tree(text string, key note.Verifier) tlog.Tree {
	lines := strings.Split(must(note.Open([]byte(text), note.VerifierList(key))).Text, "\n")
	return tlog.Tree{N: must(strconv.ParseInt(lines[1], 10, 64)), Hash: hashes(lines[2:3])[0]}
}

func hashes(lines []string) (proof []tlog.Hash) {
	for _, line := range lines {
		proof = append(proof, must(tlog.ParseHash(line)))
	}
	return proof
}

func get(url, path string, parts ...any) string {
	answer := must(http.Get(url + "/" + fmt.Sprintf(path, parts...)))
	return string(must(io.ReadAll(answer.Body)))
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatalln(err)
	}
	return value
}
