package traffic
import ("testing";"bufio";"net";"time";"runtime/pprof";"os";"github.com/shakedown-dev/shakedown/scenarios")
func TestZ(t *testing.T){
 l,_:=net.Listen("tcp","127.0.0.1:0"); defer l.Close()
 go func(){ for { c,err:=l.Accept(); if err!=nil {return}; go func(){ r:=bufio.NewReader(c); for { for { line,err:=r.ReadSlice('\n'); if err!=nil {c.Close();return}; if len(line)<=2 {break} }; c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")) } }() } }()
 plan := planOf(10000, ms(3000), get("/a"))
 totals, rec := play(t, plan, l.Addr().String())
 t.Logf("%+v resp p50 %v p99 %v", totals, quantile(rec.times("","a","response"),50), quantile(rec.times("","a","response"),99))
 plan = planOf(0, ms(3000), get("/a")); plan.Load[0].Segments=nil; plan.Load[0].Closed=[]scenarios.PlannedClosed{closed(0,3000,64)}
 f,_:=os.Create("/tmp/drv/cpu"); pprof.StartCPUProfile(f)
 b:=time.Now(); totals, _ = play(t, plan, l.Addr().String()); el:=time.Since(b); pprof.StopCPUProfile(); f.Close()
 t.Logf("%.0f/s %+v", float64(totals.OK)/el.Seconds(), totals)
}
