package web

import "net/http"

// route is one line of the table below. A handler returns its error, and
// fail says it to the person.
type route struct {
	pattern string
	// open routes answer without a session. They must show nothing of the
	// archive; the test of routes lists them.
	open   bool
	handle func(http.ResponseWriter, *http.Request) error
}

// routes is everything that the console answers. There is no other mux, and
// no debugging or profiling endpoint: what an archive of messages leaks there
// it leaks in clear.
func (s *Server) routes() []route {
	return []route{
		{"GET /{$}", false, s.home},
		{"GET /chats", false, s.chats},
		{"GET /chats/{chat}", false, s.chat},
		{"GET /chats/{chat}/print", false, s.print},
		{"GET /messages/{message}", false, s.message},
		{"GET /search", false, s.search},
		{"GET /state", false, s.archiveState},
		{"GET /state/checkpoint", false, s.checkpoint},
		{"GET /media/{sha256}", false, s.media},
		// What the scripts put into a page that is there already.
		{"GET /fragment/chats", false, s.chatRows},
		{"GET /fragment/chats/{chat}", false, s.stretch},
		{"POST /sign-out", false, s.signOut},

		{"GET /sign-in", true, s.signIn},
		{"GET /static/{file}", true, s.staticFile},

		{"/", false, func(http.ResponseWriter, *http.Request) error { return errNoPage }},
	}
}

func (s *Server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	for _, rt := range s.routes() {
		h := s.page(rt.handle)
		if !rt.open {
			h = s.signedIn(h)
		}
		mux.Handle(rt.pattern, h)
	}
	return mux
}

// page makes a handler of a function that returns its error.
func (s *Server) page(handle func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := handle(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, "/chats", http.StatusSeeOther)
	return nil
}
