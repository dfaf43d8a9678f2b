// The Go program of the question that Curtaincall began with, with the accepted answer's shutdown:
// the thing that the benchmarks compare with.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(4)
	}
	code := make(chan string, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("/callback", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "You can close this tab.")
		code <- r.URL.Query().Get("code")
	})
	server := &http.Server{Handler: mux}
	go server.Serve(listener)
	fmt.Fprintf(os.Stderr, "Waiting for the callback at http://%s/callback\n", listener.Addr())
	fmt.Printf("{\"code\":%q}\n", <-code)
	server.Shutdown(context.Background())
}
