"""Which of the three ways to treat halos is best, for capacities of a machine's buffer; each mapping is optimal, simulated with equal counts, and
better than the best one without window loops where it has one.

usage: wins.py COMPILE RUN WORKLOAD SPEC CAPACITY=HALO...     HALO: refetched, recomputed, retained"""
import json, re, subprocess, sys, tempfile, os

compile_tool, run_tool, workload, spec = sys.argv[1:5]


def search(spec_file, *more):
    out = tempfile.mktemp(suffix='.json')
    schedule = tempfile.mktemp(suffix='.mlir')
    limits = 'no-pipelines,no-shared-holders,shared-loops=2'
    subprocess.run([compile_tool, workload, '--arch', spec_file, '--objective=energy', '--time-limit=600', '--space=' + ','.join((limits, ) + more),
                    '--json=' + out, '--schedule=' + schedule], check=True, stdout=subprocess.DEVNULL)
    return json.load(open(out)), schedule


for want in sys.argv[5:]:
    capacity, halo = want.split('=')
    text = re.sub(r'"capacity": "20 B"', '"capacity": "%s B"' % capacity, open(spec).read())
    spec_file = tempfile.mktemp(suffix='.json')
    open(spec_file, 'w').write(text)
    result, schedule = search(spec_file)
    found = set(re.findall(r'halo "(\w+)"', open(schedule).read())) or {'refetched'}
    print(os.path.basename(workload), os.path.basename(spec), capacity, 'B:', *sorted(found), '%.4g nJ' % (result['energy_j'] * 1e9),
          result['mapping']['status'])
    assert result['mapping']['status'] == 'optimal', result['mapping']
    assert halo == '?' or found == {halo}, (found, halo)
    if found != {'refetched'}:
        other, _ = search(spec_file, 'no-recompute' if 'recomputed' in found else 'no-retain')
        assert other['energy_j'] > result['energy_j'], 'another way is as good'
    said = subprocess.run([run_tool, workload, '--schedule=' + schedule, '--arch', spec_file], check=True, capture_output=True, text=True).stdout
    assert 'outputs agree' in said and 'the cost model counts the same' in said, said
