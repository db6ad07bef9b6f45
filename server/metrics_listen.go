package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
)

// metricsTimeout bounds a request to metrics-port but for profiles, which take
// as long as they are asked to.
const metricsTimeout = 10 * time.Second

// openMetrics makes the HTTP server of metrics-port, if the settings ask for it.
func (s *Server) openMetrics() error {
	s.metrics = s.newMetrics()
	port := s.cfg.MetricsPort.Load()
	if port == 0 {
		return nil
	}
	list, err := s.listenTCP(int(port), s.cfg.MetricsBind.Load())
	if err != nil {
		return fmt.Errorf("metrics-port: %w", err)
	}
	s.metricsListeners = list
	return nil
}

// serveMetrics answers until closeMetrics.
func (s *Server) serveMetrics() {
	if len(s.metricsListeners) == 0 {
		return
	}
	s.metricsServer = &http.Server{Handler: s.metricsHandler(), ReadTimeout: metricsTimeout, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	for _, ln := range s.metricsListeners {
		s.metricsLoops.Go(func() {
			if err := s.metricsServer.Serve(ln); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				s.log.Error().Err(err).Msg("metrics: accept loop ended")
			}
		})
		s.log.Info().Stringer("listening", ln.Addr()).Msg("ready for metrics")
	}
}

func (s *Server) closeMetrics(ctx context.Context) {
	if s.metricsServer == nil {
		return
	}
	closeAll(s.metricsListeners)
	if s.metricsServer.Shutdown(ctx) != nil {
		s.metricsServer.Close()
	}
	s.metricsLoops.Wait()
}

func (s *Server) metricsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{Timeout: metricsTimeout}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.notReady(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	if s.cfg.MetricsPprof.Load() {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// notReady says why requests should not come now, nil if they may.
func (s *Server) notReady() error {
	select {
	case <-s.stopping:
		return errors.New("the server is shutting down")
	default:
	}
	return s.durability.admit(true)
}

// metricsText is what /metrics shows, in Prometheus' text format.
func (s *Server) metricsText() ([]byte, error) {
	families, err := s.metrics.Gather()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := expfmt.NewEncoder(&b, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, f := range families {
		if err := e.Encode(f); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
