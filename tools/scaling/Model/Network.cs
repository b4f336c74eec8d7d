namespace SelfSup.Tools.Scaling.Model;

/// <summary>
/// What messages between ranks cost: g ranks of a node share a fast medium, and each has a link of its own to other nodes.
/// A collective of S bytes over R = g * m ranks goes through both, the node first, so that a link carries S / g.
/// </summary>
/// <param name="RanksPerNode">g, of a full node.</param>
/// <param name="NodeBandwidth">B_node, bytes/s that a rank sends within its node (bus bandwidth, as nccl-tests define it).</param>
/// <param name="NodeLatency">a_node, seconds of the smallest collective within a node.</param>
/// <param name="LinkBandwidth">B_link, bytes/s of a rank's link to other nodes.</param>
/// <param name="LinkLatency">a_link, seconds that each doubling of the number of nodes adds.</param>
internal sealed record Network(int RanksPerNode, double NodeBandwidth, double NodeLatency, double LinkBandwidth, double LinkLatency)
{
    /// <summary>Seconds of a collective that carries nothing.</summary>
    public double Latency(int ranks) =>
        ranks == 1 ? 0 : NodeLatency + (LinkLatency * Math.Log2(Nodes(ranks)));

    /// <summary>Seconds in which every rank gets the sum of all ranks' <paramref name="bytes"/>.</summary>
    public double AllReduce(double bytes, int ranks) => Latency(ranks) + (2 * OneWay(bytes, ranks));

    /// <summary>Seconds in which every rank gets all ranks' parts of <paramref name="bytes"/>; the reduce-scatter is its mirror image.</summary>
    public double AllGather(double bytes, int ranks) => Latency(ranks) + OneWay(bytes, ranks);

    /// <summary>Seconds in which every rank sends <paramref name="bytes"/> away, an equal part to each other one.</summary>
    public double Exchange(double bytes, int ranks)
    {
        var (inNode, nodes) = Shape(ranks);
        double leaves = ranks - inNode, stays = inNode - 1;
        return Latency(ranks) + (nodes > 1 ? leaves / ranks * bytes / LinkBandwidth : 0) + (stays / ranks * bytes / NodeBandwidth);
    }

    private double Nodes(int ranks) => Math.Max(1, (double)ranks / RanksPerNode);

    private (double InNode, double Nodes) Shape(int ranks) => (Math.Min(ranks, RanksPerNode), Nodes(ranks));

    private double OneWay(double bytes, int ranks)
    {
        var (inNode, nodes) = Shape(ranks);
        return ((inNode - 1) / inNode * bytes / NodeBandwidth) + ((nodes - 1) / nodes * bytes / inNode / LinkBandwidth);
    }
}
