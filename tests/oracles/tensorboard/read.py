"""Makes tests/fixtures/tensorboard/read.json: what TensorBoard's own code reads in the event files beside it, scalars and the HPARAMS tab's sessions.

The event files are those of the explicit test Writes_the_event_files_that_tensorboard_read. TensorBoard from pip, or from its sources on
PYTHONPATH with the protos compiled (protoc --python_out=. tensorboard/compat/proto/*.proto tensorboard/plugins/*/*.proto):
python3 tests/oracles/tensorboard/read.py tests/fixtures/tensorboard/events > tests/fixtures/tensorboard/read.json"""
import json
import sys

from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups

multiplexer = plugin_event_multiplexer.EventMultiplexer()
multiplexer.AddRunsFromDirectory(sys.argv[1])
multiplexer.Reload()
provider = data_provider.MultiplexerDataProvider(multiplexer, sys.argv[1])
request = RequestContext()

scalars = {}
for run, tags in sorted(provider.list_scalars(request, experiment_id="", plugin_name="scalars").items()):
    read = provider.read_scalars(request, experiment_id="", plugin_name="scalars", downsample=1000)[run]
    scalars[run] = {tag: [[d.step, d.wall_time, d.value] for d in read[tag]] for tag in sorted(tags)}

context = backend_context.Context(base_plugin.TBContext(data_provider=provider))
experiment = get_experiment.Handler(request, context, "", api_pb2.GetExperimentRequest(include_metrics=True)).run()
wanted = api_pb2.ListSessionGroupsRequest(
    start_index=0, slice_size=100, allowed_statuses=[api_pb2.STATUS_SUCCESS], aggregation_type=api_pb2.AGGREGATION_AVG, include_metrics=True,
    col_params=[api_pb2.ColParams(hparam=info.name) for info in experiment.hparam_infos] + [api_pb2.ColParams(metric=info.name) for info in experiment.metric_infos])
groups = list_session_groups.Handler(request, context, "", wanted).run().session_groups


def value(v):
    return getattr(v, v.WhichOneof("kind"))


print(json.dumps({
    "scalars": scalars,
    "metrics": [m.name.tag for m in experiment.metric_infos],
    "hparams": {h.name: api_pb2.DataType.Name(h.type) for h in experiment.hparam_infos},
    "sessions": {
        g.sessions[0].name: {
            "status": api_pb2.Status.Name(g.sessions[0].status),
            "seconds": g.sessions[0].end_time_secs - g.sessions[0].start_time_secs,
            "hparams": {k: value(v) for k, v in sorted(g.hparams.items())},
            "metrics": {m.name.tag: m.value for m in g.sessions[0].metric_values},
        } for g in sorted(groups, key=lambda g: g.sessions[0].name)
    },
}, indent=1))
